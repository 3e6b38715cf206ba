"""What there is to choose from: what is configured, and what providers list, kept for a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from llm.catalogs import Catalog, Choice, Offer, Provider
from llm.errors import ModelError

_log = logging.getLogger("transom.models")

LASTS = 300.0
"""Seconds that a list is told before it is asked for again."""
PAUSE = 30.0
"""Seconds until a provider is asked again that gave no list."""
LONGEST = 10.0
"""Seconds that a list may take in all."""
PATIENCE = 1.5
"""Seconds that somebody waits for lists that were never there."""
MOST = 1_000
"""Models that are told."""


@dataclass(frozen=True, slots=True)
class Known:
    """A model that an agent can name."""

    id: str
    """What the agent writes as its `model`, with no provider."""
    provider: str
    offer: Offer
    is_default: bool


class Listing:
    """What one provider lists. Never fails: what is not there yet is empty."""

    def __init__(self, provider: str, ask: Callable[[], Awaitable[list[Offer]]]) -> None:
        self.offers: Sequence[Offer] = ()
        self._provider = provider
        self._complaint: str | None = None
        self._ask = ask
        self._asking: asyncio.Task[None] | None = None
        self._due = 0.0
        self._settled = False

    def renew(self) -> asyncio.Task[None] | None:
        """Asks in the background if it is time to; what to wait for, where nothing was ever heard."""
        if self._asking is None and asyncio.get_running_loop().time() >= self._due:
            self._asking = asyncio.create_task(self._renew(), name="list of models")
        return None if self._settled else self._asking

    async def close(self) -> None:
        """Asks no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _renew(self) -> None:
        lasts = PAUSE
        try:
            async with asyncio.timeout(LONGEST):
                self.offers = await self._ask()
            lasts = LASTS
            self._complaint = None
        except ModelError as error:
            self._complain(error.reason)
        except TimeoutError:
            self._complain(f"it took longer than {LONGEST:g} seconds.")
        except Exception:
            _log.exception("A list of models could not be had.")
        finally:
            self._due = asyncio.get_running_loop().time() + lasts
            self._settled = True
            self._asking = None

    def _complain(self, reason: str) -> None:
        """Logs why there is no list, once for as long as that stays so."""
        if reason != self._complaint:
            _log.info("The model provider '%s' gave no list of its models: %s", self._provider, reason)
        self._complaint = reason


async def renewed(listings: Iterable[Listing]) -> None:
    """Renews what is due, and waits a moment for what was never heard."""
    if first := [task for listing in listings if (task := listing.renew()) is not None]:
        await asyncio.wait(first, timeout=PATIENCE)


def known(catalog: Catalog, listed: Mapping[str, Sequence[Offer]]) -> list[Known]:
    """The models by their providers, in the order of the configuration; what it says of one counts more.

    There are `MOST` at most: what is configured leaves the rest to lists, and the longest of those end early.
    """
    found: list[Known] = []
    configured = {name: _configured(provider, catalog.default) for name, provider in catalog.providers.items()}
    room = max(0, MOST - sum(map(len, configured.values())))
    more = {name: {offer.name for offer in offers} - configured[name].keys() for name, offers in listed.items()}
    shares = _shares(room, {name: len(names) for name, names in more.items()})
    for provider in catalog.providers.values():
        offers = dict(configured[provider.name])
        for offer in listed.get(provider.name, ()):
            if offer.name in offers or len(offers) < len(configured[provider.name]) + shares[provider.name]:
                offers[offer.name] = _completed(offers.get(offer.name), offer)
        for offer in offers.values():
            choice = Choice(provider.name, offer.name)
            id_ = catalog.id(choice) or offer.name
            found.append(Known(id_, provider.name, offer, is_default=choice == _default(catalog)))
    return found[:MOST]


def _configured(provider: Provider, default: Choice | None) -> dict[str, Offer]:
    offers = {offer.name: offer for offer in provider.offers}
    if provider.model is not None:
        offers.setdefault(provider.model, Offer(provider.model, provider.context))
    if default is not None and default.provider == provider.name and default.model is not None:
        offers.setdefault(default.model, Offer(default.model))
    return offers


def _shares(room: int, wanted: Mapping[str, int]) -> Mapping[str, int]:
    """How much of the room each has: what it wants, or as much as each other that wants more."""
    shares: dict[str, int] = {}
    for left, name in zip(range(len(wanted), 0, -1), sorted(wanted, key=lambda each: wanted[each]), strict=True):
        shares[name] = min(wanted[name], room // left)
        room -= shares[name]
    return shares


def _default(catalog: Catalog) -> Choice | None:
    default = catalog.default
    if default is None or default.model is not None:
        return default
    return replace(default, model=catalog.providers[default.provider].model)


def _completed(configured: Offer | None, told: Offer) -> Offer:
    if configured is None:
        return told
    own = {each.name: value for each in fields(Offer) if (value := getattr(configured, each.name)) is not None}
    return replace(told, **own)
