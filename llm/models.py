"""The models of a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from llm import answers
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event
from llm.provider import ProviderModel
from llm.scripted import ScriptedModel
from llm.turns import Request, Text, Turn


class Model(Protocol):
    """Something that continues a conversation."""

    def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Continue the conversation: each event as soon as it exists, `Finished` last.

        To be consumed under `aclosing`; closing it ends the provider's work on the reply at once.

        Raises:
            ModelError: while iterating, never by the call itself; nothing else is raised.
        """
        ...


class Models:
    """The models of a process by the name of their provider; closes the connections of those it opened."""

    def __init__(self, models: Mapping[str, Model], *, default: str | None = None) -> None:
        """Serve these models. Without `default`, the first is taken where a caller names none."""
        self._models = dict(models)
        self._default = default or next(iter(self._models), None)

    @classmethod
    def open(
        cls,
        *,
        url: str | None = None,
        provider: str = "openai",
        key: str | None = None,
        model: str | None = None,
        grace: float | None = None,
        silence: float = 120.0,
    ) -> Self:
        """One provider, chosen by settings. Nothing is connected or imported before the first use, or `warm`.

        `provider` is the protocol, and the name it is chosen by: `openai` (with all that is compatible) or
        `anthropic`. `url` is the endpoint, by default the company's own. `model` answers where a request names none.

        `grace` is for how many seconds a provider that does not answer yet is tried again before its first event:
        by default 60 on this machine, where a model server may still be loading, and 2 elsewhere. `silence` is for how
        many seconds it may send no byte.

        A `url` such as `scripted:?tokens=2000&interval=0.001` gives the self-running scripted model, for load
        tests (see `ScriptedModel.of_url`).

        Raises:
            ModelError: `NOT_CONFIGURED`, the provider is unknown, lacks a key it cannot work without, or the URL is
                none.
        """
        if url is not None and urlsplit(url).scheme == "scripted":
            return cls({provider: ScriptedModel.of_url(url)})
        return cls({provider: ProviderModel(provider, url=url, key=key, model=model, grace=grace, silence=silence)})

    def choose(self, provider: str | None = None) -> Model:
        """The model of this provider; `None` takes the default.

        Raises:
            ModelError: `NOT_CONFIGURED`, there is none.
        """
        name = provider or self._default
        if name is None:
            raise ModelError("No model provider is set up.", ModelErrorCode.NOT_CONFIGURED)
        try:
            return self._models[name]
        except KeyError:
            known = ", ".join(self._models) or "none"
            raise ModelError(
                f"The model provider '{name}' is not set up. Set up: {known}.", ModelErrorCode.NOT_CONFIGURED
            ) from None

    async def write(
        self,
        prompt: str,
        instructions: str,
        *,
        tokens: int,
        provider: str | None = None,
        model: str | None = None,
        line: bool = False,
    ) -> str:
        """What a model answers to one prompt with at most so many tokens, whole and without its thoughts.

        With `line`, one whole line of it is enough.

        Raises:
            ModelError: it gave no answer: it failed, was cut off, or did not want to.
        """
        request = Request((Turn("user", (Text(prompt),)),), instructions, model, {"max_tokens": tokens})
        async with aclosing(self.choose(provider).stream(request)) as events:
            return answers.whole([event async for event in events], line=line)

    async def warm(self) -> None:
        """Do now what the first reply would wait for: some seconds of imports, in a thread. Never raises."""
        for model in self._models.values():
            if isinstance(model, ProviderModel):
                await model.warm()

    async def close(self) -> None:
        """Close every provider's connections."""
        for model in self._models.values():
            if isinstance(model, ProviderModel):
                await model.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
