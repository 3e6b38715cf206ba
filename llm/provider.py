"""A model behind a provider's HTTP API: loaded on first use, patient while it starts, never silent for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llm import parameters
from llm.catalogs import Offer, Provider
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event
from llm.turns import Request

if TYPE_CHECKING:
    from llm.endpoint import Endpoint

LOCAL_GRACE = 60.0
REMOTE_GRACE = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


class ProviderModel:
    """A `Model` over HTTP. See `Models.open` for what the options mean."""

    def __init__(self, provider: Provider) -> None:
        """Connects nothing yet.

        Raises:
            ModelError: `NOT_CONFIGURED`, it cannot work.
        """
        _check(provider)
        self.provider = provider
        # A server of one model ignores the name, but the protocol wants one.
        self._model = provider.model or (
            "default" if provider.url is not None and provider.dialect == "openai" else None
        )
        self._opening = asyncio.Lock()
        self._endpoint: Endpoint | None = None
        self._streams = 0
        self._retired = False

    async def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Continue the conversation; see `Model.stream`."""
        parameters.check(request.parameters)
        model = request.model or self._model
        if model is None:
            raise ModelError(
                f"No model is chosen, and the provider '{self.provider.name}' has no default one. Name a model.",
                ModelErrorCode.NOT_CONFIGURED,
            )
        self._streams += 1
        try:
            endpoint = await self._open()
            give_up = asyncio.get_running_loop().time() + self._grace
            pause = _FIRST_PAUSE
            while True:
                try:
                    async with aclosing(endpoint.stream(request, model)) as events:
                        async for event in events:
                            yield event
                    return
                except ModelError as error:
                    too_late = asyncio.get_running_loop().time() + pause > give_up
                    if too_late or error.code is not ModelErrorCode.UNREACHABLE:
                        raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            self._streams -= 1
            await self._close_if_over()

    async def listed(self) -> list[Offer]:
        """The models that the provider has by its own account.

        Raises:
            ModelError: it does not say.
        """
        self._streams += 1
        try:
            return await (await self._open()).listed()
        finally:
            self._streams -= 1
            await self._close_if_over()

    async def warm(self) -> None:
        """Import and build what the first reply needs, without a request. Never raises."""
        await self._open()

    async def close(self) -> None:
        """Close the connections. Streams still running end with a `ModelError`."""
        async with self._opening:
            endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            await endpoint.close()

    async def retire(self) -> None:
        """Close the connections as soon as no stream needs them."""
        self._retired = True
        await self._close_if_over()

    async def _close_if_over(self) -> None:
        if self._retired and not self._streams:
            await self.close()

    @property
    def _grace(self) -> float:
        if self.provider.grace is not None:
            return self.provider.grace
        return LOCAL_GRACE if is_local(self.provider.url) else REMOTE_GRACE

    async def _open(self) -> Endpoint:
        async with self._opening:
            if self._endpoint is None:
                self._endpoint = await asyncio.to_thread(self._build)
            return self._endpoint

    def _build(self) -> Endpoint:
        # Takes seconds to import, so neither at start-up nor on the event loop.
        from llm.endpoint import Endpoint  # noqa: PLC0415

        return Endpoint(self.provider)


def is_local(url: str | None) -> bool:
    """Whether the endpoint is on this machine."""
    host = urlsplit(url).hostname if url is not None else None
    return host is not None and (host in ("localhost", "::1") or host.startswith("127."))


def _check(provider: Provider) -> None:
    if provider.dialect not in ("openai", "anthropic"):
        raise ModelError(
            f"There is no model provider '{provider.dialect}'. Known are: openai, anthropic.",
            ModelErrorCode.NOT_CONFIGURED,
        )
    url = provider.url
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ModelError(
            "The model provider's URL must be like https://host/v1.",
            ModelErrorCode.NOT_CONFIGURED,
        )
    if provider.key is None and url is None:
        raise ModelError(f"The model provider '{provider.name}' needs an API key.", ModelErrorCode.NOT_CONFIGURED)
