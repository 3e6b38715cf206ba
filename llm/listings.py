"""The list of models that a provider gives, in whichever shape: what can be told of each, and nothing made up."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import orjson

from llm import failures
from llm.catalogs import Offer, Prices, Provider

PATIENCE = 5.0
"""Seconds that a provider has to begin its list, and between two parts of it."""
LARGEST = 8_000_000
"""Bytes of a list."""
MOST = 1_000
"""Models of a list that are told."""
_LONGEST_NAME = 200

_CONTEXTS = ("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens")
"""vLLM; OpenRouter; Groq; Mistral and LM Studio; Anthropic."""


def request(provider: Provider) -> httpx2.Request:
    """The request for the list, without the provider's own headers."""
    key = provider.key or ""
    if provider.dialect == "anthropic":
        root = (provider.url or "https://api.anthropic.com").rstrip("/").removesuffix("/v1")
        url = httpx2.URL(f"{root}/v1/models?limit=1000")
        headers = {"anthropic-version": "2023-06-01", "x-api-key": key}
    else:
        url = _models(provider.url or "https://api.openai.com/v1")
        headers = {"authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(PATIENCE).as_dict()
    return httpx2.Request("GET", url, headers=headers, extensions={"timeout": timeout})


def _models(url: str) -> httpx2.URL:
    base = httpx2.URL(url)
    return base.copy_with(path=base.path.rstrip("/") + "/models")


def read(body: bytes) -> list[Offer]:
    """The models of an answer, those that can be named.

    Raises:
        ModelError: it is no list of models.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise failures.not_understood() from None
    offers: dict[str, Offer] = {}
    for each in _entries(value):
        offer = _offer({"id": each} if isinstance(each, str) else each)
        if offer is not None and len(offers) < MOST:
            offers.setdefault(offer.name, offer)
    return list(offers.values())


def _entries(value: object) -> list[Any]:
    """What stands in the list: under `data`, under `models`, or all there is."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        found = [value[name] for name in ("data", "models") if name in value]
        if found:
            return next((each for each in found if isinstance(each, list) and each), [])
    raise failures.not_understood()


def _offer(entry: object) -> Offer | None:
    if not isinstance(entry, dict):
        return None
    name = next((each for each in map(entry.get, ("id", "name", "model")) if isinstance(each, str) and each), None)
    if name is None or len(name) > _LONGEST_NAME or not name.isprintable():
        return None
    told = entry.get("capabilities")
    capabilities: Mapping[str, Any] = told if isinstance(told, dict) else {}
    if capabilities.get("completion_chat") is False:  # Mistral's, for embeddings and the like
        return None
    return Offer(
        name,
        context=next(_contexts(entry), None),
        images=_images(entry, capabilities),
        tools=_named(entry, "tools", _told(capabilities, "function_calling", "tools", "tool_use")),
        reasoning=_named(entry, "reasoning", _told(capabilities, "reasoning", "thinking")),
        prices=_prices(entry.get("pricing")),
    )


def _contexts(entry: Mapping[str, Any]) -> Iterator[int]:
    for name in _CONTEXTS:
        value = entry.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            yield value


def _images(entry: Mapping[str, Any], capabilities: Mapping[str, Any]) -> bool | None:
    architecture = entry.get("architecture")  # OpenRouter's, and llama.cpp's
    taken = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    return "image" in taken if isinstance(taken, list) else _told(capabilities, "vision", "image_input")


def _told(capabilities: Mapping[str, Any], *names: str) -> bool | None:
    """What is told under one of these names: a truth, or an object with one."""
    for name in names:
        value = capabilities.get(name)
        value = value.get("supported") if isinstance(value, dict) else value
        if isinstance(value, bool):
            return value
    return None


def _named(entry: Mapping[str, Any], parameter: str, otherwise: bool | None) -> bool | None:
    """Whether a parameter is among those that the model takes, where they are told (OpenRouter)."""
    taken = entry.get("supported_parameters")
    return parameter in taken if isinstance(taken, list) else otherwise


def _prices(told: object) -> Prices | None:
    """OpenRouter's, in dollars for one token; below zero where it depends."""
    if not isinstance(told, dict):
        return None
    found = [_million(told.get(name)) for name in ("prompt", "input_cache_read", "completion")]
    return None if found[0] is None and found[2] is None else Prices("USD", *found)


def _million(price: object) -> float | None:
    try:
        value = float(price) if isinstance(price, str | int | float) else -1.0
    except ValueError:
        return None
    return round(value * 1_000_000, 6) if 0 <= value < 1 else None
