"""One provider's HTTP API: a request, and the events of its answer as the bytes arrive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import httpx2
import orjson

from llm import connections, failures, listings
from llm.anthropic import Message
from llm.catalogs import Offer, Provider
from llm.errors import ModelError
from llm.events import Event, Progress
from llm.openai import DONE, ChatCompletion
from llm.provider import is_local
from llm.requests import Requests
from llm.sse import LARGEST, EventStream, TooLarge
from llm.turns import Request

_LONGEST_ERROR = 100_000
"""Bytes of an error that are read."""
_SHORTEST_SECRET = 8
"""Characters of a header's value that may be a secret; what is shorter would be found in any sentence."""
USAGE_WAIT = 2.0
"""Seconds that usage is waited for when the reason of a reply's end is there."""
END_WAIT = 0.1
"""Seconds that the end of the body is waited for, so that its connection can be used again."""

type Reply = ChatCompletion | Message


class Endpoint:
    """A provider's API and the connections to it."""

    def __init__(self, provider: Provider) -> None:
        """Its `silence` are the seconds that may pass without a byte, unless a request says otherwise."""
        self._provider = provider
        hidden = [value for value in provider.headers.values() if len(value) >= _SHORTEST_SECRET]
        self._secrets = tuple(hidden if provider.key is None else (provider.key, *hidden))
        self._reply: type[Reply] = ChatCompletion if provider.dialect == "openai" else Message
        self._requests = Requests(provider.dialect, url=provider.url, key=provider.key)
        self._silence = provider.silence
        trusts = provider.proxy is None and not is_local(provider.url)
        # As many replies may run as the caller likes. No proxy of the environment reaches this machine.
        self._http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            trust_env=trusts,
            proxy=provider.proxy or None,
            transport=None if provider.proxy else connections.direct(trust_env=trusts),
            follow_redirects=False,  # whoever is asked next would be sent the key and the conversation
        )

    async def stream(self, request: Request, model: str) -> AsyncGenerator[Event]:
        """Asks once, without another try. Closing it closes the connection.

        Raises:
            ModelError: anything went wrong. `UNREACHABLE` comes only before the first event, so that asking again
                repeats nothing.
        """
        asking = await self._requests.of(request, model)
        asking.headers.update(self._provider.headers)
        silence = request.silence or self._silence
        asking.extensions = {**asking.extensions, "timeout": httpx2.Timeout(30, connect=5, read=silence).as_dict()}
        begun = False
        try:
            response = await self._http.send(asking, stream=True)
            self._requests.tells_progress |= response.headers.get("server") == "llama.cpp"
            try:
                if response.status_code != httpx2.codes.OK:
                    raise await self._refused(response, model)
                reply = self._reply()
                async with aclosing(_data(response, reply)) as told:
                    async for data in told:
                        for chunk in objects(data):
                            if failures.is_error(chunk):
                                raise failures.told(chunk, model=model, begun=begun, secrets=self._secrets)
                            for event in reply.take(chunk):
                                begun = begun or not isinstance(event, Progress)
                                yield event
            finally:
                await response.aclose()
        except httpx2.ReadTimeout as error:
            raise failures.silent(silence) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise failures.of(error, begun=begun) from error
        except TooLarge as error:
            raise failures.not_understood() from error
        for event in reply.finish():
            yield event

    async def listed(self) -> list[Offer]:
        """The models that the provider has by its own account.

        Raises:
            ModelError: it does not say.
        """
        asking = listings.request(self._provider)
        asking.headers.update(self._provider.headers)
        body = bytearray()
        try:
            response = await self._http.send(asking, stream=True)
            try:
                if response.status_code != httpx2.codes.OK:
                    raise await self._refused(response, "")
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > listings.LARGEST:
                        raise failures.not_understood()
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise failures.of(error, begun=False) from error
        return listings.read(bytes(body))

    async def close(self) -> None:
        """Closes every connection."""
        await self._http.aclose()

    async def _refused(self, response: httpx2.Response, model: str) -> ModelError:
        if response.has_redirect_location:
            return failures.moved(response, secrets=self._secrets)
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LONGEST_ERROR:
                break
        return failures.told(
            failures.read(body),
            status=response.status_code,
            headers=response.headers,
            model=model,
            secrets=self._secrets,
        )


async def _data(response: httpx2.Response, reply: Reply) -> AsyncGenerator[bytes]:
    """The JSON of each event of a body, until the reply is whole; or all of a body that is no event stream."""
    loop = asyncio.get_running_loop()
    stream, body = EventStream(), response.aiter_bytes()
    whole: bytearray | None = None
    first, done, deadline = True, False, None
    while (chunk := await _next(body, deadline)) is not None:
        if first and (start := chunk.lstrip()):
            first = False
            whole = bytearray() if start.startswith((b"{", b"[")) else None
        if whole is not None:
            whole += chunk
            if len(whole) > LARGEST:
                raise TooLarge
            continue
        for data in stream.feed(chunk):
            done = done or data == DONE
            if not done:
                yield data
        if done or reply.is_over:
            latest = loop.time() + (END_WAIT if done or reply.is_whole else USAGE_WAIT)
            deadline = latest if deadline is None else min(deadline, latest)
    left = stream.end() if whole is None else bytes(whole)
    if left and left != DONE and not done:
        yield left


async def _next(body: AsyncIterator[bytes], deadline: float | None) -> bytes | None:
    """More of a body; None where it has ended, or at the deadline."""
    if deadline is None:
        return await anext(body, None)
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(body, None)
    except TimeoutError:
        return None


def objects(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects in the data of an event. Other values say nothing: some servers send them to keep awake.

    Raises:
        ModelError: it is no JSON.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _tolerant(data)
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, dict):
            yield each


def _tolerant(data: bytes) -> object:
    """JSON with half a surrogate pair in it, which the next chunk may complete."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise failures.not_understood() from None
