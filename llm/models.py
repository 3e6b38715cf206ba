"""The models of a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from llm import answers
from llm.answers import Answer, Need
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Progress
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

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        default: str | None = None,
        model: str | None = None,
        window: int | None = None,
    ) -> None:
        """Serve these models. Without `default`, the first is taken where a caller names none.

        `model` is the one that it takes where a request names none, and `window` how many tokens that reads.
        """
        self._models = dict(models)
        self._default = default or next(iter(self._models), None)
        self._model = model
        self._window = window

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
        window: int | None = None,
    ) -> Self:
        """One provider, chosen by settings. Nothing is connected or imported before the first use, or `warm`.

        `provider` is the protocol, and the name it is chosen by: `openai` (with all that is compatible) or
        `anthropic`. `url` is the endpoint, by default the company's own. `model` answers where a request names none.

        `grace` is for how many seconds a provider that does not answer yet is tried again before its first event:
        by default 60 on this machine, where a model server may still be loading, and 2 elsewhere. `silence` is for how
        many seconds it may send no byte. `window` is how many tokens `model` reads and writes at once, where that is
        known.

        A `url` such as `scripted:?tokens=2000&interval=0.001` gives the self-running scripted model, for load
        tests (see `ScriptedModel.of_url`).

        Raises:
            ModelError: `NOT_CONFIGURED`, the provider is unknown, lacks a key it cannot work without, or the URL is
                none.
        """
        if url is not None and urlsplit(url).scheme == "scripted":
            return cls({provider: ScriptedModel.of_url(url)}, window=window)
        opened = ProviderModel(provider, url=url, key=key, model=model, grace=grace, silence=silence)
        return cls({provider: opened}, model=model, window=window)

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

    def name(self, provider: str | None, model: str | None) -> str | None:
        """The name of the model that answers where these are asked for, as far as it is known here."""
        return model or (self._model if provider in (None, self._default) else None)

    def window(self, provider: str | None, model: str | None) -> int | None:
        """How many tokens this model reads and writes at once, as far as that is set up."""
        return self._window if self.name(provider, model) == self._model else None

    async def write(
        self,
        prompt: str,
        instructions: str,
        *,
        tokens: int,
        provider: str | None = None,
        model: str | None = None,
        need: Need = Need.ALL,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Answer:
        """What a model answers to one prompt with at most so many tokens, without its thoughts.

        Raises:
            ModelError: it gave no answer: it failed, was cut off before there was what is needed, or did not want to.
        """
        request = Request((Turn("user", (Text(prompt),)),), instructions, model, {"max_tokens": tokens})
        said: list[Event] = []
        async with aclosing(self.choose(provider).stream(request)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    if on_progress is not None:
                        on_progress(event)
                else:
                    said.append(event)
        return answers.whole(said, need)

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
