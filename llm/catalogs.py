"""What there is to choose from: providers by name, what they offer, and who answers in whose place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, Self

type Dialect = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost."""

    currency: str = "USD"
    input: float | None = None
    cached_input: float | None = None
    output: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A model of a provider; without a name, the provider's default one."""

    provider: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as it is known here. What is None is not known."""

    name: str
    context: int | None = None
    """Tokens that it can read and write together."""
    images: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    prices: Prices | None = None
    fallbacks: tuple[Choice, ...] | None = None
    """Who answers while it is down, in order; None: as its provider says."""


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider is reached, and what is known of its models."""

    name: str
    dialect: Dialect = "openai"
    url: str | None = None
    """By default the address of the company whose dialect it is."""
    key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request, in place of what the dialect would send."""
    proxy: str | Literal[False] | None = field(default=None, repr=False)
    """The proxy to ask through; False: none; None: as the environment says."""
    model: str | None = None
    """What answers where a request names none."""
    context: int | None = None
    """How many tokens that reads and writes at once, where no offer says it."""
    grace: float | None = None
    silence: float = 120.0
    offers: tuple[Offer, ...] = ()
    fallbacks: tuple[Choice, ...] = ()
    """Who answers in the place of its models that name nobody."""
    lists: bool = True
    """Whether it is asked which models it has."""

    def offer(self, model: str | None) -> Offer | None:
        """What the configuration says of a model, or of the default one."""
        wanted = model or self.model
        return next((offer for offer in self.offers if offer.name == wanted), None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every provider by its name."""

    providers: Mapping[str, Provider]
    default: Choice | None = None
    """Who answers where nobody is named."""
    prefixes: bool = False
    """Whether `provider/model` in the place of a model names both."""

    @classmethod
    def of(cls, *providers: Provider, default: str | None = None) -> Self:
        """These providers, without more. The first is the default, unless another is named."""
        first = default or next((provider.name for provider in providers), None)
        return cls({provider.name: provider for provider in providers}, None if first is None else Choice(first))

    def choice(self, provider: str | None, model: str | None) -> Choice | None:
        """Who is meant by what an agent names; None where there is no provider at all.

        Where no provider is named, the part of `model` before its first slash is one if it is the name of one. With a
        provider, `model` is that provider's own name, slashes and all.
        """
        if provider is not None:
            return Choice(provider, model)
        if model is not None and self.prefixes:
            before, slash, own = model.partition("/")
            if slash and own and before in self.providers:
                return Choice(before, own)
        if self.default is None:
            return None
        return Choice(self.default.provider, model or self.default.model)

    def name(self, provider: str | None, model: str | None) -> str | None:
        """The name of the model that answers for what an agent names, as far as it is known."""
        choice = self.choice(provider, model)
        own = None if choice is None else self.providers.get(choice.provider)
        return None if choice is None else choice.model or (None if own is None else own.model)

    def window(self, provider: str | None, model: str | None) -> int | None:
        """How many tokens that model reads and writes at once, where the configuration says so."""
        choice = self.choice(provider, model)
        own = None if choice is None else self.providers.get(choice.provider)
        if choice is None or own is None:
            return None
        if (offer := own.offer(choice.model)) is not None:
            return offer.context
        return own.context if choice.model in (None, own.model) else None

    def chain(self, first: Choice) -> Iterator[Choice]:
        """Who is asked, in order, where the one before is down. Fallbacks of fallbacks are not followed."""
        yield first
        if (provider := self.providers.get(first.provider)) is None:
            return
        offer = provider.offer(first.model)
        yield from provider.fallbacks if offer is None or offer.fallbacks is None else offer.fallbacks

    def followed(self) -> Collection[str]:
        """The providers that somebody is asked after, in any chain."""
        found = set[str]()
        for provider in self.providers.values():
            for fallbacks in (provider.fallbacks, *(offer.fallbacks or () for offer in provider.offers)):
                found.update(name for name, _ in pairwise((provider.name, *(each.provider for each in fallbacks))))
        return found

    def id(self, choice: Choice) -> str | None:
        """What an agent writes as its model to have this one."""
        return f"{choice.provider}/{choice.model}" if self.prefixes else choice.model
