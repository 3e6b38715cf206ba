"""A provider that sends requests on is not followed: key, headers and conversation stay with whom they are for."""

import logging
from typing import Any

import pytest

from llm.catalogs import Catalog, Choice, Dialect, Provider
from llm.errors import ModelError, ModelErrorCode
from llm.models import Models
from tests.llm.test_fallbacks import read, world
from tests.llm.upstream import Answer, Exchange, Upstream, listening

KEY = "sk-hush-1234567890"
ASKED = "TRANSOM_MODEL_URL, or its `url` in the file of the models."


def sending_on(status: int, location: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(status, b"<html>Elsewhere</html>", Location=location)

    return answer


def moved(dialect: Dialect, upstream: Upstream, **more: Any) -> Provider:
    url = upstream.url if dialect == "openai" else upstream.root
    return Provider("one", dialect, url, KEY, headers={"x-team": "hush-hush-42"}, model="m", grace=0, **more)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_else_is_sent_a_key_or_a_conversation(upstream: Upstream, dialect: Dialect, status: int) -> None:
    async with listening(Upstream(answer=world)) as other, Models.of(Catalog.of(moved(dialect, upstream))) as models:
        upstream.answer = sending_on(status, f"{other.root}/v2/chat?key={KEY}#there")
        with pytest.raises(ModelError) as failed:
            await read(models)
        await models.offers()
    assert other.asked == []
    assert failed.value.code is ModelErrorCode.NOT_CONFIGURED
    assert failed.value.reason == (
        f"The model provider sends requests on to {other.root}/v2/chat, and its key goes nowhere else. "
        f"Change the provider's address: {ASKED}"
    )
    assert len(upstream.asked) == 2  # for a reply and a list


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/v2/chat", " to {root}/v2/chat"),
        ("//other.example/v1", " to http://other.example/v1"),
        ("https://ada:secret@other.example/v1", " to https://other.example/v1"),
        (f"https://other.example/{KEY}/hush-hush-42/v1", " to https://other.example/…/…/v1"),
        ("mailto:ada@example.com", ""),
    ],
)
async def test_the_failure_says_where_to_without_a_secret(upstream: Upstream, location: str, place: str) -> None:
    upstream.answer = sending_on(307, location)
    async with Models.of(Catalog.of(moved("openai", upstream))) as models:
        with pytest.raises(ModelError) as failed:
            await read(models)
    start = f"The model provider sends requests on{place.format(root=upstream.root)}, and its key"
    assert failed.value.reason.startswith(start)


async def test_it_is_to_be_seen_to_so_nobody_else_answers(upstream: Upstream) -> None:
    upstream.answer = sending_on(308, "https://other.example/v1/chat/completions")
    async with listening(Upstream(answer=world)) as other:
        two = Provider("two", url=other.url, model="m")
        async with Models.of(Catalog.of(moved("openai", upstream, fallbacks=(Choice("two"),)), two)) as models:
            with pytest.raises(ModelError, match=r"https://other\.example/v1/chat/completions"):
                await read(models)
    assert other.asked == []


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_a_list_that_is_elsewhere_is_told_in_the_log(
    upstream: Upstream, dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.answer = sending_on(302, f"https://other.example/models?key={KEY}")
    caplog.set_level(logging.INFO, "transom.models")
    async with Models.of(Catalog.of(moved(dialect, upstream))) as models:
        await models.warm()
        assert [each.id for each in await models.offers()] == ["m"]
    assert caplog.messages == [
        "The model provider 'one' gave no list of its models: The model provider sends requests on to "
        f"https://other.example/models, and its key goes nowhere else. Change the provider's address: {ASKED}"
    ]
