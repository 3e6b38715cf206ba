"""Other providers in place of the former, while replies are being written."""

import asyncio
from contextlib import aclosing

import pytest

from llm.catalogs import Catalog, Choice, Provider
from llm.errors import ModelError
from llm.models import Models
from tests.llm.reading import HI, text
from tests.llm.test_fallbacks import read, refusing, world
from tests.llm.test_openai import chunk, hello
from tests.llm.upstream import Exchange, Upstream, listening


def only(name: str, upstream: Upstream, **more: object) -> Catalog:
    return Catalog.of(Provider(name, url=upstream.url, model="m", grace=0, **more))  # type: ignore[arg-type]


async def test_what_is_being_written_goes_on_with_what_it_began_with(upstream: Upstream) -> None:
    more = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(chunk({"content": "Hel"}))
        await more.wait()
        await exchange.event(chunk({"content": "lo"}))
        await exchange.event(chunk({}, "stop"))
        await exchange.event("[DONE]")
        await exchange.end()

    upstream.answer = slow
    async with listening(Upstream(answer=world)) as other, Models.of(only("one", upstream)) as models:
        async with asyncio.timeout(30), aclosing(models.stream(HI)) as events:
            begun = [await anext(events)]
            await models.renew(only("two", other))
            assert text(await read(models)) == "World"
            with pytest.raises(ModelError, match=r"^The model provider 'one' is not set up\. Set up: two\.$"):
                await read(models, provider="one")
            more.set()
            begun += [event async for event in events]
        assert text(begun) == "Hello"
        async with asyncio.timeout(30):
            while upstream.connections:  # noqa: ASYNC110  # a transport has no event
                await asyncio.sleep(0.01)


async def test_a_reply_keeps_the_fallbacks_that_it_began_with(upstream: Upstream) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def fails_late(exchange: Exchange) -> None:
        asked.set()
        await go_on.wait()
        await exchange.refuse(503, {})

    upstream.answer = fails_late
    async with listening(Upstream(answer=world)) as other:
        two = Provider("two", url=other.url, model="m", grace=0)
        one = Provider("one", url=upstream.url, model="m", grace=0, fallbacks=(Choice("two"),))
        async with Models.of(Catalog.of(one, two)) as models:
            reply = asyncio.create_task(read(models))
            await asked.wait()
            await models.renew(only("three", upstream))
            go_on.set()
            assert text(await reply) == "World"
            async with asyncio.timeout(30):
                while other.connections:  # noqa: ASYNC110  # a transport has no event
                    await asyncio.sleep(0.01)


async def test_connections_of_a_provider_that_stays_stay(upstream: Upstream) -> None:
    upstream.answer = hello
    async with Models.of(only("one", upstream)) as models:
        await read(models)
        await models.renew(only("one", upstream))
        await read(models)
        assert len({id(exchange.writer) for exchange in upstream.asked}) == 1
        await models.renew(only("one", upstream, key="sk-new-1234567"))
        await read(models)
    assert [exchange.headers["authorization"] for exchange in upstream.asked][1:] == [
        "Bearer none",
        "Bearer sk-new-1234567",
    ]


async def test_what_cannot_work_leaves_the_former(upstream: Upstream) -> None:
    upstream.answer = hello
    async with Models.of(only("one", upstream)) as models:
        with pytest.raises(ModelError):
            await models.renew(Catalog.of(Provider("two")))
        assert text(await read(models)) == "Hello"


async def test_headers_of_ones_own_are_sent_and_never_shown(upstream: Upstream) -> None:
    async def echo(exchange: Exchange) -> None:
        await exchange.refuse(400, {"error": {"message": f"Who is {exchange.headers['x-team']}?"}})

    upstream.answer = echo
    headers = {"x-team": "hush-hush-42", "authorization": "Token other", "x-short": "Who"}
    async with Models.of(only("one", upstream, headers=headers)) as models:
        with pytest.raises(ModelError) as failed:
            await read(models)
    assert failed.value.reason == "The model provider refused the request: Who is …?"
    assert upstream.asked[0].headers["authorization"] == "Token other"


async def test_a_proxy_of_the_configuration_is_asked(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.answer = hello  # as the proxy: it is asked for the whole address
    elsewhere = Provider("one", url="http://models.example/v1", model="m", grace=0, proxy=upstream.root)
    async with Models.of(Catalog.of(elsewhere)) as models:
        assert text(await read(models)) == "Hello"
    assert upstream.asked[0].path == "http://models.example/v1/chat/completions"


async def test_no_proxy_is_asked_where_there_is_to_be_none(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.root)
    upstream.answer = refusing(418)
    elsewhere = Provider("one", url="http://models.invalid/v1", model="m", grace=0, proxy=False)
    async with Models.of(Catalog.of(elsewhere)) as models:
        with pytest.raises(ModelError):
            await read(models)
    assert upstream.asked == []
