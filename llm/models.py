"""The models of a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Self, cast

from llm import answers, dialects, fallbacks, offering
from llm.answers import Answer, Need
from llm.catalogs import Catalog, Dialect, Provider
from llm.events import Event, Progress
from llm.model import Model
from llm.offering import Known
from llm.outages import Outages
from llm.provider import ProviderModel
from llm.served import Served
from llm.turns import Request, Text, Turn


class Models:
    """The models of a process by the name of their provider; closes the connections of those it opened."""

    def __init__(self, models: Mapping[str, Model], *, default: str | None = None, window: int | None = None) -> None:
        """Serve these models. Without `default`, the first is taken where a caller names none.

        `window` is how many tokens each of them reads where a request names no model.
        """
        scripted = (Provider(name, url="scripted:", context=window, lists=False) for name in models)
        outages = {name: Outages() for name in models}
        self._served = Served(Catalog.of(*scripted, default=default), dict(models), {}, outages)

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
        dialect = cast("Dialect", provider)
        own = Provider(provider, dialect, url, key, model=model, context=window, grace=grace, silence=silence)
        return cls.of(Catalog.of(own))

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """The providers of a catalog; see `open`.

        Raises:
            ModelError: `NOT_CONFIGURED`, one of them cannot work.
        """
        models = cls({})
        models._served = Served.of(catalog, None)
        return models

    async def renew(self, catalog: Catalog) -> None:
        """Serve these in place of the former. What is being written goes on with what it began with.

        Raises:
            ModelError: `NOT_CONFIGURED`, one of them cannot work. Then the former stay.
        """
        former = self._served
        self._served = served = Served.of(catalog, former)
        for name, model in former.models.items():
            if served.models.get(name) is not model and isinstance(model, ProviderModel):
                await model.retire()
        for name, listing in former.listings.items():
            if served.listings.get(name) is not listing:
                await listing.close()

    def choose(self, provider: str | None = None) -> Model:
        """The model of this provider; `None` takes the default.

        Raises:
            ModelError: `NOT_CONFIGURED`, there is none.
        """
        return self._served.candidate(self._served.choice(provider, None)).model

    def stream(self, request: Request, *, provider: str | None = None) -> AsyncGenerator[Event]:
        """As `Model.stream`, by the provider that is meant, or by its fallbacks while it is down (`llm.fallbacks`).

        Without `provider`, the request's `model` may name both: `provider/model`.

        Raises:
            ModelError: see `Model.stream`; and `NOT_CONFIGURED`, there is no such provider.
        """
        return fallbacks.stream(lambda: self._served.chain(provider, request.model), request)

    def check(self, provider: str | None, model: str | None, parameters: Mapping[str, object]) -> None:
        """Sees that there is such a provider, and that it takes these parameters.

        Raises:
            ModelError: `NOT_CONFIGURED` or `BAD_REQUEST`, with a reason for whoever has chosen them.
        """
        dialects.check(self._served.candidate(self._served.choice(provider, model)).provider, parameters)

    def name(self, provider: str | None, model: str | None) -> str | None:
        """The name of the model that answers where these are asked for, as far as it is known here."""
        return self._served.catalog.name(provider, model)

    def window(self, provider: str | None, model: str | None) -> int | None:
        """How many tokens this model reads and writes at once, as far as that is set up."""
        return self._served.catalog.window(provider, model)

    async def offers(self) -> list[Known]:
        """What can be chosen from: what is configured, then what the providers list besides.

        Lists are kept for some minutes and renewed in the background. A provider that is down or slow is left out.
        """
        served = self._served
        await offering.renewed(served.listings.values())
        return offering.known(served.catalog, {name: listing.offers for name, listing in served.listings.items()})

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
        async with aclosing(self.stream(request, provider=provider)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    if on_progress is not None:
                        on_progress(event)
                else:
                    said.append(event)
        return answers.whole(said, need)

    async def warm(self) -> None:
        """Do now what the first reply would wait for: some seconds of imports, in a thread. Never raises."""
        for model in self._served.models.values():
            if isinstance(model, ProviderModel):
                await model.warm()

    async def close(self) -> None:
        """Close every provider's connections."""
        for listing in self._served.listings.values():
            await listing.close()
        for model in self._served.models.values():
            if isinstance(model, ProviderModel):
                await model.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
