"""A provider that nobody could reach is not waited for by each reply; now and then one tries again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from llm import outages
from llm.catalogs import Catalog, Choice, Offer, Provider
from llm.errors import ModelError, ModelErrorCode
from llm.models import Models
from llm.outages import Outages
from llm.turns import Request
from tests.llm.reading import HI, text
from tests.llm.test_fallbacks import catalog, read, refusing, second, silent, world
from tests.llm.test_openai import hello
from tests.llm.upstream import Answer, Upstream, listening


@pytest.fixture
async def other() -> AsyncGenerator[Upstream]:
    async with listening(Upstream(answer=world)) as other:
        yield other


@pytest.mark.parametrize("down", [refusing(503), silent])
async def test_it_is_asked_no_more_for_a_while(upstream: Upstream, other: Upstream, down: Answer) -> None:
    upstream.answer = down
    async with Models.of(catalog(upstream, second(other))) as models:
        for _ in range(3):
            assert text(await read(models)) == "World"
    assert (len(upstream.asked), len(other.asked)) == (1, 3)


@pytest.mark.parametrize("status", [429, 500, 502])
async def test_one_that_fails_at_once_is_asked_each_time(upstream: Upstream, other: Upstream, status: int) -> None:
    upstream.answer = refusing(status)
    async with Models.of(catalog(upstream, second(other))) as models:
        for _ in range(3):
            await read(models)
    assert len(upstream.asked) == 3


async def test_one_of_many_replies_tries_again(
    upstream: Upstream, other: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.answer = refusing(503)
    monkeypatch.setattr(outages, "LASTS", 0.0)
    async with Models.of(catalog(upstream, second(other))) as models:
        await read(models)
        monkeypatch.setattr(outages, "LASTS", 3_600.0)
        upstream.answer = silent
        async with asyncio.timeout(30), aclosing(models.stream(HI)) as trying:
            trial = asyncio.ensure_future(anext(trying))
            while len(upstream.asked) < 2:  # noqa: ASYNC110  # an upstream has no event
                await asyncio.sleep(0.01)
            replies = await asyncio.gather(*(read(models) for _ in range(20)))
            assert [text(each) for each in replies] == ["World"] * 20
            trial.cancel()
            await asyncio.wait({trial})
    assert (len(upstream.asked), len(other.asked)) == (2, 21)


async def test_one_that_is_back_answers_all_again(
    upstream: Upstream, other: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.answer = refusing(503)
    monkeypatch.setattr(outages, "LASTS", 0.0)
    async with Models.of(catalog(upstream, second(other))) as models:
        await read(models)
        monkeypatch.setattr(outages, "LASTS", 3_600.0)
        upstream.answer = hello
        assert [text(await read(models)) for _ in range(3)] == ["Hello"] * 3


async def test_it_is_asked_all_the_same_where_nobody_else_answers(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    async with Models.of(catalog(upstream, second(other))) as models:
        await read(models)
        other.answer = refusing(500)
        with pytest.raises(ModelError) as failed:
            await read(models)
        assert failed.value.code is ModelErrorCode.UNREACHABLE  # the first in the chain, though it was asked last
        upstream.answer = hello
        other.answer = refusing(400)
        assert text(await read(models)) == "Hello"
        other.answer = world
        assert text(await read(models)) == "Hello"


async def test_a_failure_of_the_first_that_is_to_be_seen_to_is_told(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    async with Models.of(catalog(upstream, second(other))) as models:
        await read(models)
        upstream.answer, other.answer = refusing(401), refusing(500)
        with pytest.raises(ModelError) as failed:
            await read(models)
        assert failed.value.code is ModelErrorCode.UNAUTHORIZED


async def test_what_the_first_does_not_take_is_refused_while_it_is_down(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    claude = Provider("one", "anthropic", upstream.root, "k", model="m", grace=0, fallbacks=(Choice("two"),))
    async with Models.of(Catalog.of(claude, second(other))) as models:
        await read(models)
        with pytest.raises(ModelError, match="takes no `seed`"):
            await read(models, Request(HI.turns, parameters={"seed": 1}))


async def test_another_model_of_the_same_provider_is_asked(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    offers = (Offer("m"), Offer("large"))
    async with Models.of(catalog(upstream, second(other), offers=offers)) as models:
        await read(models)
        upstream.answer = hello
        assert text(await read(models, Request(HI.turns, model="large"))) == "Hello"
        assert text(await read(models, Request(HI.turns, model="m"))) == "World"


async def test_another_file_that_changes_a_provider_has_it_asked(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    async with Models.of(catalog(upstream, second(other))) as models:
        await read(models)
        upstream.answer = hello
        await models.renew(catalog(upstream, second(other)))
        assert text(await read(models)) == "World"
        await models.renew(catalog(upstream, second(other), key="sk-new-1234567"))
        assert text(await read(models)) == "Hello"


async def test_the_impatience_of_an_agent_says_nothing_to_others(upstream: Upstream, other: Upstream) -> None:
    patient = Provider("one", url=upstream.url, model="m", grace=0, fallbacks=(Choice("two"),))
    upstream.answer = silent
    async with Models.of(Catalog.of(patient, second(other))) as models:
        assert text(await read(models, Request(HI.turns, parameters={"silence": 1}))) == "World"
        upstream.answer = hello
        assert text(await read(models)) == "Hello"


async def test_names_that_nobody_asks_for_any_more_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "LASTS", -1.0)
    remembered = Outages()
    for number in range(1_000):
        remembered.began(str(number))
    assert len(remembered._until) == 1
