"""What there is to choose from: the lists of providers beside what is configured."""

import asyncio
import json
from typing import Any

import pytest

from llm import listings, offering
from llm.catalogs import Catalog, Choice, Offer, Prices, Provider
from llm.errors import ModelError
from llm.models import Models
from llm.offering import Known
from tests.llm.test_openai import hello
from tests.llm.upstream import Exchange, Upstream

OPENAI = {"object": "list", "data": [{"id": "gpt-5", "object": "model", "created": 1, "owned_by": "system"}]}


MISTRAL = {"completion_chat": True, "function_calling": True, "vision": False}


def listing(body: object) -> Any:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(200, json.dumps(body).encode())

    return answer


@pytest.mark.parametrize(
    ("body", "offers"),
    [
        (OPENAI, [Offer("gpt-5")]),
        ({"object": "list", "data": []}, []),
        ({"object": "list", "data": None}, []),
        ([{"id": "a"}, {"id": "b", "context_length": 8_192}], [Offer("a"), Offer("b", 8_192)]),
        (["a", "b"], [Offer("a"), Offer("b")]),
        ({"models": [{"name": "qwen3:8b", "model": "qwen3:8b", "size": 1}]}, [Offer("qwen3:8b")]),
        ({"data": [{"id": "meta/llama", "max_model_len": 16_384, "permission": []}]}, [Offer("meta/llama", 16_384)]),
        (
            {
                "models": [{"name": "gemma", "capabilities": ["completion"], "details": {}}],
                "object": "list",
                "data": [{"id": "gemma", "meta": {"n_ctx_train": 131_072}}],
            },
            [Offer("gemma")],
        ),
        (
            {
                "data": [
                    {"id": "m-small", "max_context_length": 32_768, "capabilities": MISTRAL},
                    {"id": "m-embed", "capabilities": {"completion_chat": False}},
                ]
            },
            [Offer("m-small", 32_768, images=False, tools=True)],
        ),
        (
            {
                "data": [
                    {
                        "id": "openai/gpt-5",
                        "context_length": 400_000,
                        "architecture": {"input_modalities": ["text", "image"]},
                        "supported_parameters": ["tools", "seed"],
                        "pricing": {"prompt": "0.00000125", "completion": "0.00001", "input_cache_read": "0"},
                    },
                    {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
                ]
            },
            [
                Offer("openai/gpt-5", 400_000, True, True, False, Prices("USD", 1.25, 0.0, 10.0)),
                Offer("openrouter/auto"),
            ],
        ),
        (
            {
                "data": [
                    {
                        "type": "model",
                        "id": "claude-sonnet-4-5",
                        "max_input_tokens": 200_000,
                        "capabilities": {"image_input": {"supported": True}, "thinking": {"supported": True}},
                    }
                ],
                "has_more": False,
            },
            [Offer("claude-sonnet-4-5", 200_000, images=True, reasoning=True)],
        ),
        (
            {"data": [{"id": ""}, {"id": 5}, {"id": "x" * 201}, {"id": "a\nb"}, {"id": "a\0"}, None, 7, {"id": "ok"}]},
            [Offer("ok")],
        ),
        ({"data": [{"id": "twice", "context_window": 1}, {"id": "twice", "context_window": 2}]}, [Offer("twice", 1)]),
        ({"data": [{"id": "odd", "context_length": "8k", "capabilities": "chat", "pricing": 4}]}, [Offer("odd")]),
        (
            {"data": [{"id": "odd", "context_length": True, "architecture": [], "pricing": {"prompt": "x"}}]},
            [Offer("odd")],
        ),
        ({"data": [{"id": f"m{number}"} for number in range(2_000)]}, [Offer(f"m{number}") for number in range(1_000)]),
    ],
)
def test_every_shape_of_a_list_is_read(body: object, offers: list[Offer]) -> None:
    assert listings.read(json.dumps(body).encode()) == offers


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"5", b'"text"', b"null", b"{}", b'{"error": "x"}', b'{"data": [{"id']
)
def test_what_is_no_list_is_a_failure(body: bytes) -> None:
    with pytest.raises(ModelError):
        listings.read(body)


def names(known: list[Known]) -> list[str]:
    return [each.id for each in known]


async def heard(models: Models, wanted: list[str]) -> None:
    """Waits until the list is this."""
    async with asyncio.timeout(30):
        while names(await models.offers()) != wanted:  # noqa: ASYNC110  # asking is what renews it
            await asyncio.sleep(0.01)


async def test_configured_models_come_first_and_count_more(upstream: Upstream) -> None:
    upstream.answer = listing(
        {"data": [{"id": "new"}, {"id": "own", "context_length": 9, "capabilities": {"vision": True}}]}
    )
    own = Offer("own", 4_096, tools=False, prices=Prices("EUR", 1))
    provider = Provider("one", url=upstream.url, key="sk-secret-1234567890", model="own", offers=(own,))
    async with Models.of(Catalog({"one": provider}, Choice("one"), prefixes=True)) as models:
        await models.warm()
        found = await models.offers()
    assert found == [
        Known("one/own", "one", Offer("own", 4_096, True, False, None, Prices("EUR", 1)), is_default=True),
        Known("one/new", "one", Offer("new"), is_default=False),
    ]
    (asked,) = upstream.asked
    assert (asked.path, asked.headers["authorization"]) == ("/v1/models", "Bearer sk-secret-1234567890")


async def test_anthropic_is_asked_in_its_own_way(upstream: Upstream) -> None:
    upstream.answer = listing({"data": [{"id": "claude-x", "type": "model"}]})
    provider = Provider("a", "anthropic", upstream.root, "sk-ant-1", headers={"x-team": "t"})
    async with Models.of(Catalog.of(provider)) as models:
        await models.warm()
        assert names(await models.offers()) == ["claude-x"]
    (asked,) = upstream.asked
    wanted = {"x-api-key": "sk-ant-1", "anthropic-version": "2023-06-01", "x-team": "t"}
    assert (asked.path, wanted.items() <= dict(asked.headers).items()) == ("/v1/models?limit=1000", True)


async def test_a_list_is_asked_for_once_in_a_while(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.answer = listing(OPENAI)
    async with Models.open(url=upstream.url) as models:
        await models.warm()
        for _ in range(3):
            assert names(await models.offers()) == ["gpt-5"]
        assert len(upstream.asked) == 1
    monkeypatch.setattr(offering, "LASTS", 0.0)
    async with Models.open(url=upstream.url) as models:
        await models.warm()
        await models.offers()
        upstream.answer = listing({"data": [{"id": "gpt-6"}]})
        await heard(models, ["gpt-6"])
        upstream.answer = listing({"error": "down"})
        monkeypatch.setattr(offering, "PAUSE", 0.0)
        before = len(upstream.asked)
        async with asyncio.timeout(30):
            while len(upstream.asked) < before + 3:
                assert names(await models.offers()) == ["gpt-6"]  # it stays what it was
                await asyncio.sleep(0.01)


async def failing(exchange: Exchange) -> None:
    await exchange.refuse(500, {"error": {"message": "sk-secret-1234567890"}})


async def cutting(exchange: Exchange) -> None:
    exchange.cut()


async def never(exchange: Exchange) -> None:
    await exchange.until_left()


async def endless(exchange: Exchange) -> None:
    await exchange.begin()
    while True:
        await exchange.line(" " * 1_000_000)


@pytest.mark.parametrize("answer", [failing, cutting, never, endless])
async def test_a_provider_that_is_down_is_left_out(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(offering, "PATIENCE", 0.2)
    upstream.answer = answer
    down = Provider("down", url=upstream.url, offers=(Offer("known"),))
    async with Models.of(Catalog.of(down)) as models:
        await models.warm()
        assert names(await models.offers()) == ["known"]


async def test_a_provider_that_is_not_to_be_asked_is_not(upstream: Upstream) -> None:
    upstream.answer = hello
    quiet = Provider("quiet", url=upstream.url, offers=(Offer("known"),), lists=False)
    async with Models.of(Catalog.of(quiet)) as models:
        assert names(await models.offers()) == ["known"]
    assert upstream.asked == []


def test_a_long_list_leaves_room_for_what_is_configured_and_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering, "MOST", 7)
    long = Provider("long", model="own")
    short = Provider("short", offers=(Offer("a"), Offer("b")))
    quiet = Provider("quiet", model="z")
    listed = {
        "long": [Offer(str(number)) for number in range(10)] + [Offer("own", context=9)],
        "short": [Offer("b", context=8), Offer("c")],
        "quiet": [],
    }
    found = offering.known(Catalog.of(long, short, quiet), listed)
    assert [(each.provider, each.offer.name, each.offer.context) for each in found] == [
        ("long", "own", 9),
        ("long", "0", None),
        ("long", "1", None),
        ("short", "a", None),
        ("short", "b", 8),
        ("short", "c", None),
        ("quiet", "z", None),
    ]


def test_the_default_is_told_though_nobody_lists_it() -> None:
    catalog = Catalog({"one": Provider("one", model="a"), "two": Provider("two")}, Choice("two", "z"), prefixes=True)
    found = offering.known(catalog, {})
    assert [(each.id, each.is_default) for each in found] == [("one/a", False), ("two/z", True)]
