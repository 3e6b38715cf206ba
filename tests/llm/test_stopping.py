"""A reply that nobody wants any more costs the provider nothing more."""

import asyncio
from contextlib import aclosing

import pytest

from llm.errors import ModelError, ModelErrorCode
from llm.events import TextDelta
from llm.models import Models
from tests.llm.reading import HI, read
from tests.llm.test_openai import chunk
from tests.llm.upstream import Exchange, Upstream


class Watched:
    """Begins a reply, or not even that, and sees the client leave."""

    def __init__(self, *, begins: bool) -> None:
        self.begins = begins
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        if self.begins:
            await exchange.begin()
            await exchange.event(chunk({"content": "Hel"}))
        self.asked.set()
        await exchange.until_left()
        self.left.set()


async def test_closing_a_stream_closes_its_connection_at_once(openai: Models, upstream: Upstream) -> None:
    upstream.answer = watched = Watched(begins=True)
    async with aclosing(openai.choose().stream(HI)) as events:
        assert await anext(events) == TextDelta("Hel")
    async with asyncio.timeout(1):
        await watched.left.wait()


@pytest.mark.parametrize("begins", [True, False])
async def test_cancelling_the_reader_closes_the_connection_at_once(
    openai: Models, upstream: Upstream, begins: bool
) -> None:
    upstream.answer = watched = Watched(begins=begins)
    reader = asyncio.create_task(read(openai))
    await asyncio.wait_for(watched.asked.wait(), 30)
    reader.cancel()
    async with asyncio.timeout(1):
        await watched.left.wait()
    with pytest.raises(asyncio.CancelledError):
        await reader


async def test_closing_one_stream_leaves_the_others(openai: Models, upstream: Upstream) -> None:
    goes_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(chunk({"content": "Hel"}))
        await goes_on.wait()
        await exchange.event(chunk({"content": "lo"}, "stop"))
        await exchange.end()

    upstream.answer = answer
    async with aclosing(openai.choose().stream(HI)) as kept:
        assert await anext(kept) == TextDelta("Hel")
        async with aclosing(openai.choose().stream(HI)) as closed:
            assert await anext(closed) == TextDelta("Hel")
        goes_on.set()
        assert await anext(kept) == TextDelta("lo")


@pytest.mark.parametrize("begins", [True, False])
async def test_a_silent_provider_times_out_and_is_left(upstream: Upstream, begins: bool) -> None:
    upstream.answer = watched = Watched(begins=begins)
    async with Models.open(url=upstream.url, silence=0.2) as models:
        await models.warm()
        with pytest.raises(ModelError, match=r"silent for 0\.2 seconds") as failed:
            await read(models)
        assert failed.value.code is ModelErrorCode.TIMED_OUT
        async with asyncio.timeout(1):
            await watched.left.wait()
    assert len(upstream.asked) == 1


async def test_a_slow_reader_is_no_silent_provider(upstream: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(chunk({"content": "Hel"}))
        await exchange.event(chunk({"content": "lo"}, "stop"))
        await exchange.end()

    upstream.answer = answer
    async with Models.open(url=upstream.url, silence=0.2) as models, aclosing(models.choose().stream(HI)) as events:
        assert await anext(events) == TextDelta("Hel")
        await asyncio.sleep(0.4)  # Longer than the provider may be silent.
        assert await anext(events) == TextDelta("lo")
