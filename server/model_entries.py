"""What stands in the file of model providers, and every sentence about what cannot."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from chat import windows
from llm.catalogs import Catalog, Choice, Dialect, Offer, Prices, Provider
from llm.errors import ModelError
from llm.scripted import ScriptedModel
from server import addresses, secret_places, tables
from server.tables import Table

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OURS = ("host", "content-length", "content-type", "transfer-encoding", "connection")
_OWN = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
_MODELS = "tables with a name each: [[providers.NAME.models]]"
_FALLBACKS = 'a list of texts such as "provider/model"'


def catalog(values: Mapping[str, Any], folder: Path, silence: float) -> tuple[Catalog, Sequence[str]]:
    """The catalog that the file describes, and a sentence for each thing that is wrong in it.

    Secrets are looked for beside `folder`. `silence` is for providers that set none.
    """
    said: list[str] = []
    return _Reader(folder, silence, said).catalog(values), said


class _Reader:
    def __init__(self, folder: Path, silence: float, said: list[str]) -> None:
        self._folder = folder
        self._silence = silence
        self._said = said
        self._references: list[tuple[Table, Choice, str, str]] = []
        self._chains: list[tuple[Table, Sequence[Choice]]] = []

    def catalog(self, values: Mapping[str, Any]) -> Catalog:
        top = Table("", values, self._said)
        default = top.text("default", right='"provider" or "provider/model"')
        named = top.table("providers", right="tables with a name each: [providers.NAME]")
        top.close()
        if not named and not self._said:
            top.complain("There is no provider. Write one as [providers.NAME].")
        self._names(top, named)
        providers = {
            name: self._provider(name, Table(f"providers.{tables.shown(name)}", table, self._said))
            for name, table in named.items()
            if isinstance(table, dict)
        }
        chosen = None if default is None else self._choice(top, "default", default, providers)
        if chosen is None and providers:
            chosen = Choice(next(iter(providers)))
        self._check_references(providers)
        return Catalog(providers, chosen, prefixes=True)

    def _names(self, top: Table, named: Mapping[str, Any]) -> None:
        seen: dict[str, str] = {}
        for name, table in named.items():
            if not isinstance(table, dict):
                place = f"providers.{tables.shown(name)}"
                top.complain(f"`{place}` must be a table: [{place}].")
            elif not _NAME.fullmatch(name):
                top.complain(
                    f"The provider {name[:80]!r} must have a name of up to 60 letters, digits, dots, - and _, and "
                    "begin with a letter or a digit."
                )
            if (other := seen.setdefault(name.lower(), name)) != name:
                both = f"`{tables.shown(other)}` and `{tables.shown(name)}`"
                top.complain(f"The providers {both} differ in capitals only. Rename one.")

    def _provider(self, name: str, table: Table) -> Provider:
        dialect = self._dialect(table)
        url = self._url(table, dialect)
        key = self._secret(table, "key")
        sure = "url" not in table.values or url is not None
        if sure and key is None and table.take("key") is None and (url or _OWN[dialect]).rstrip("/") in _OWN.values():
            table.complain(f"`key` is missing, and {_OWN[dialect]} lets nobody in without one: {secret_places.RIGHT}.")
        headers = self._headers(table)
        proxy = self._proxy(table)
        grace = table.number("grace", 0, 3_600)
        silence = table.number("silence", 1, 3_600)
        lists = table.flag("list")
        offers = self._offers(name, table)
        model = table.text("model", right="the name of a model", most=200)
        fallbacks = self._fallbacks(table, Choice(name))
        table.close()
        return Provider(
            name,
            dialect,
            url,
            key,
            headers=headers,
            proxy=proxy,
            model=model or (offers[0].name if offers else None),
            grace=grace,
            silence=silence or self._silence,
            offers=offers,
            fallbacks=fallbacks,
            lists=lists is not False,
        )

    def _dialect(self, table: Table) -> Dialect:
        value = table.take("dialect")
        if isinstance(value, str) and value in _OWN:
            return cast("Dialect", value)
        wrong = "is missing: it must be" if value is None else "must be"
        table.complain(f'`dialect` {wrong} "openai" (and all that is compatible) or "anthropic".')
        return "openai"

    def _url(self, table: Table, dialect: Dialect) -> str | None:
        url = table.text("url", right="an address such as https://host/v1")
        if url is None:
            return None
        try:
            addresses.provider(url, anthropic=dialect == "anthropic")
            if url.startswith("scripted:"):
                ScriptedModel.of_url(url)
        except (ValueError, ModelError) as error:
            table.complain(f"`url` {error}")
        return url

    def _secret(self, table: Table, key: str) -> str | None:
        value = table.take(key)
        if value is None:
            return None
        try:
            return secret_places.read(value, self._folder)
        except ValueError as error:
            table.complain(f"`{key}` {error}")
            return None

    def _headers(self, table: Table) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, value in table.table("headers", right="a table of texts").items():
            place = f"`headers.{tables.shown(name)}`"
            if not _HEADER.fullmatch(name) or name.lower() in _OURS:
                table.complain(f"{place} is no header that can be set.")
            elif name.lower() in headers:
                table.complain(f"{place} is there twice, in other capitals.")
            elif not isinstance(value, str | dict):
                table.complain(f"{place} must be a text, or {secret_places.RIGHT}.")
            else:
                try:
                    headers[name.lower()] = secret_places.literal_or_secret(value, self._folder)
                except ValueError as error:
                    table.complain(f"{place} {error}")
        return headers

    def _proxy(self, table: Table) -> str | Literal[False] | None:
        value = table.take("proxy")
        if value is None or value is False:
            return value
        try:
            if not isinstance(value, str | dict):
                raise ValueError("must be an address such as http://proxy:3128, or false.")
            return addresses.proxy(secret_places.literal_or_secret(value, self._folder))
        except ValueError as error:
            table.complain(f"`proxy` {error}")
            return None

    def _offers(self, provider: str, above: Table) -> tuple[Offer, ...]:
        offers: dict[str, Offer] = {}
        for number, values in enumerate(above.tables("models", right=_MODELS), 1):
            name = values.get("name")
            shown = f'model "{tables.shown(name)}"' if isinstance(name, str) and name else f"model number {number}"
            table = Table(f"providers.{tables.shown(provider)}, {shown}", values, self._said)
            offer = self._offer(provider, table)
            if offer.name in offers:
                table.complain("There is another model of this name. Take one of them away.")
            offers[offer.name] = offer
        return tuple(offers.values())

    def _offer(self, provider: str, table: Table) -> Offer:
        name = table.text("name", right="the provider's name of the model", most=200)
        if "name" not in table.values:
            table.complain("`name` must say what the provider calls the model.")
        context = table.number("context", windows.LEAST, windows.MOST, whole=True)
        named = "fallbacks" in table.values
        offer = Offer(
            name or "",
            None if context is None else int(context),
            table.flag("images"),
            table.flag("tools"),
            table.flag("reasoning"),
            self._prices(table),
            self._fallbacks(table, Choice(provider, name)) if named else None,
        )
        table.close()
        return offer

    def _prices(self, above: Table) -> Prices | None:
        values = above.table("prices", right="a table such as { input = 0.25, output = 2 }")
        if not values:
            return None
        table = above.below("prices", values)
        currency = table.text("currency", right='a currency of three capitals, such as "USD"', most=3) or "USD"
        if not re.fullmatch("[A-Z]{3}", currency):
            table.complain('`currency` must be a currency of three capitals, such as "USD".')
        prices = Prices(currency, *(table.number(each, 0, 1_000_000) for each in ("input", "cached_input", "output")))
        table.close()
        return prices

    def _fallbacks(self, table: Table, of: Choice) -> tuple[Choice, ...]:
        found: list[Choice] = []
        for text in table.texts("fallbacks", right=_FALLBACKS):
            provider, _, model = text.partition("/")
            found.append(Choice(provider, model or None))
            self._references.append((table, of, text, "fallbacks"))
        self._chains.append((table, tuple(found)))
        return tuple(found)

    def _check_references(self, providers: Mapping[str, Provider]) -> None:
        for table, of, text, key in self._references:
            choice = self._choice(table, key, text, providers)
            if choice is not None and choice.provider == of.provider:
                own = providers[of.provider].model
                if (choice.model or own) == (of.model or own):
                    table.complain(f"`{key}` names the very model that they are for.")
        for table, chain in self._chains:
            meant = [(each.provider, each.model or _default(each, providers)) for each in chain]
            if len(set(meant)) != len(meant):
                table.complain("`fallbacks` names one of them twice.")

    def _choice(self, table: Table, key: str, text: str, providers: Mapping[str, Provider]) -> Choice | None:
        """What a reference means, if it means something."""
        name, _, model = text.partition("/")
        if (provider := providers.get(name)) is None:
            table.complain(f"`{key}` names the provider {name[:80]!r}, which is not here. {_here(providers)}")
            return None
        if not model and provider.model is None and provider.url is None:
            table.complain(f'`{key}` must name a model, as "{name}/MODEL": this provider has no default one.')
        return Choice(name, model or None)


def _default(choice: Choice, providers: Mapping[str, Provider]) -> str | None:
    return providers[choice.provider].model if choice.provider in providers else None


def _here(providers: Iterable[str]) -> str:
    return f"Here are: {', '.join(providers) or 'none'}."
