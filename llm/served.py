"""The models that are served until there is another catalog."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit

from llm.catalogs import Catalog, Choice
from llm.errors import ModelError, ModelErrorCode
from llm.fallbacks import Candidate
from llm.model import Model
from llm.offering import Listing
from llm.outages import Outages
from llm.provider import REMOTE_GRACE, ProviderModel
from llm.scripted import ScriptedModel


@dataclass(frozen=True, slots=True)
class Served:
    """What is served until the next catalog: a stream keeps the one that it began with."""

    catalog: Catalog
    models: Mapping[str, Model]
    listings: Mapping[str, Listing]
    outages: Mapping[str, Outages]

    @classmethod
    def of(cls, catalog: Catalog, former: Self | None) -> Self:
        """What a catalog says. What has not changed is taken over from the former.

        Raises:
            ModelError: `NOT_CONFIGURED`, a provider cannot work.
        """
        models: dict[str, Model] = {}
        listings: dict[str, Listing] = {}
        outages: dict[str, Outages] = {}
        catalog = _hurried(catalog)
        for name, provider in catalog.providers.items():
            if former is not None and former.catalog.providers.get(name) == provider:
                models[name] = former.models[name]
                outages[name] = former.outages[name]
                if name in former.listings:
                    listings[name] = former.listings[name]
            elif provider.url is not None and urlsplit(provider.url).scheme == "scripted":
                models[name] = ScriptedModel.of_url(provider.url)
            else:
                models[name] = model = ProviderModel(provider)
                if provider.lists:
                    listings[name] = Listing(name, model.listed)
            outages.setdefault(name, Outages())
        return cls(catalog, models, listings, outages)

    def choice(self, provider: str | None, model: str | None) -> Choice:
        """Who is meant.

        Raises:
            ModelError: `NOT_CONFIGURED`, there is nobody.
        """
        choice = self.catalog.choice(provider, model)
        if choice is None:
            raise ModelError("No model provider is set up.", ModelErrorCode.NOT_CONFIGURED)
        return choice

    def chain(self, provider: str | None, model: str | None) -> list[Candidate]:
        """Who is asked, in order.

        Raises:
            ModelError: `NOT_CONFIGURED`, there is no such provider.
        """
        return [self.candidate(choice) for choice in self.catalog.chain(self.choice(provider, model))]

    def candidate(self, choice: Choice) -> Candidate:
        """The one that is meant.

        Raises:
            ModelError: `NOT_CONFIGURED`, there is no such provider.
        """
        try:
            name = choice.provider
            return Candidate(self.catalog.providers[name], self.models[name], choice.model, self.outages[name])
        except KeyError:
            known = ", ".join(self.models) or "none"
            raise ModelError(
                f"The model provider '{choice.provider}' is not set up. Set up: {known}.", ModelErrorCode.NOT_CONFIGURED
            ) from None


def _hurried(catalog: Catalog) -> Catalog:
    """The same, where those that somebody is asked after are not waited for as one on this machine would be."""
    followed = catalog.followed()
    providers = {
        name: replace(provider, grace=REMOTE_GRACE) if provider.grace is None and name in followed else provider
        for name, provider in catalog.providers.items()
    }
    return replace(catalog, providers=providers)
