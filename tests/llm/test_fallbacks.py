"""Where a provider is down before anything of its reply has come, others are asked; nothing is ever told twice."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from llm.catalogs import Catalog, Choice, Offer, Provider
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, Progress
from llm.models import Models
from llm.turns import Request
from tests.llm.reading import HI, text
from tests.llm.test_anthropic import said
from tests.llm.test_anthropic import stream as stream_anthropic
from tests.llm.test_openai import chunk, hello, stream
from tests.llm.upstream import Exchange, Upstream, listening

type Answer = Callable[[Exchange], Awaitable[None]]


@pytest.fixture
async def other() -> AsyncGenerator[Upstream]:
    async with listening(Upstream(answer=world)) as other:
        yield other


async def world(exchange: Exchange) -> None:
    await stream(exchange, {**chunk({"content": "World"}), "model": None}, {**chunk({}, "stop"), "model": None})


def refusing(status: int) -> Answer:
    async def refuse(exchange: Exchange) -> None:
        await exchange.refuse(status, {"error": {"message": "No."}})

    return refuse


async def cut(exchange: Exchange) -> None:
    exchange.cut()


async def cut_in_the_stream(exchange: Exchange) -> None:
    await exchange.begin()
    exchange.cut()


async def nothing(exchange: Exchange) -> None:
    await stream(exchange, chunk({}, "stop"))


async def overloaded_in_the_stream(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.event({"error": {"message": "Overloaded", "type": "overloaded_error"}})
    await exchange.end()


async def page(exchange: Exchange) -> None:
    await exchange.send(200, b"<html>Maintenance</html>")


async def silent(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.until_left()


async def reads_and_breaks(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.event(chunk({}) | {"prompt_progress": {"processed": 5, "total": 10}})
    exchange.cut()


def catalog(first: Upstream, *others: Provider, **more: object) -> Catalog:
    one = Provider(
        "one",
        url=first.url,
        model="m",
        grace=0,
        silence=1,
        fallbacks=tuple(Choice(each.name) for each in others),
        **more,  # type: ignore[arg-type]
    )
    return Catalog.of(one, *others)


def second(upstream: Upstream, name: str = "two", **more: object) -> Provider:
    return Provider(name, url=upstream.url, model=f"{name}'s", grace=0, **more)  # type: ignore[arg-type]


async def read(models: Models, request: Request = HI, provider: str | None = None) -> list[Event]:
    async with asyncio.timeout(30), aclosing(models.stream(request, provider=provider)) as events:
        return [event async for event in events]


@pytest.mark.parametrize(
    "down",
    [
        refusing(429),
        refusing(402),
        refusing(500),
        refusing(502),
        refusing(503),
        refusing(504),
        refusing(529),
        cut,
        cut_in_the_stream,
        nothing,
        overloaded_in_the_stream,
        page,
        silent,
        reads_and_breaks,
    ],
)
async def test_another_answers_for_one_that_is_down(upstream: Upstream, other: Upstream, down: Answer) -> None:
    upstream.answer = down
    async with Models.of(catalog(upstream, second(other))) as models:
        events = await read(models)
    assert text(events) == "World"
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.provider, finished.model) == ("two", "two's")
    assert (len(upstream.asked), len(other.asked)) == (1, 1)


async def test_another_answers_for_one_that_is_not_there(other: Upstream) -> None:
    async with listening(Upstream()) as gone:
        pass
    async with Models.of(catalog(gone, second(other))) as models:
        assert text(await read(models)) == "World"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ModelErrorCode.BAD_REQUEST),
        (401, ModelErrorCode.UNAUTHORIZED),
        (403, ModelErrorCode.UNAUTHORIZED),
        (404, ModelErrorCode.BAD_REQUEST),
        (413, ModelErrorCode.TOO_LONG),
    ],
)
async def test_what_is_to_be_seen_to_is_told(
    upstream: Upstream, other: Upstream, status: int, code: ModelErrorCode
) -> None:
    upstream.answer = refusing(status)
    async with Models.of(catalog(upstream, second(other))) as models:
        with pytest.raises(ModelError) as failed:
            await read(models)
    assert (failed.value.code, other.asked) == (code, [])


@pytest.mark.parametrize("delta", [{"content": "Hel"}, {"reasoning_content": "Hm"}])
async def test_nobody_else_is_asked_once_anything_has_come(
    upstream: Upstream, other: Upstream, delta: dict[str, str]
) -> None:
    async def breaks(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(chunk(delta))
        exchange.cut()

    upstream.answer = breaks
    async with (
        Models.of(catalog(upstream, second(other))) as models,
        asyncio.timeout(30),
        aclosing(models.stream(HI)) as events,
    ):
        await anext(events)
        with pytest.raises(ModelError) as failed:
            await anext(events)
    assert (failed.value.code, other.asked) == (ModelErrorCode.PROVIDER_FAILED, [])


async def test_reading_is_told_again_by_whoever_answers(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = reads_and_breaks
    async with Models.of(catalog(upstream, second(other))) as models:
        events = await read(models)
    assert (events[0], text(events)) == (Progress(5, 10), "World")


async def test_they_are_asked_in_order_and_the_first_failure_is_told(upstream: Upstream, other: Upstream) -> None:
    asked = list[str]()

    async def first(exchange: Exchange) -> None:
        asked.append(exchange.body["model"])
        await exchange.refuse(429, {}, Retry_After="7")

    async def others(exchange: Exchange) -> None:
        asked.append(exchange.body["model"])
        await exchange.refuse(401 if exchange.body["model"] == "two's" else 500, {})

    upstream.answer, other.answer = first, others
    async with Models.of(catalog(upstream, second(other), second(other, "three"))) as models:
        with pytest.raises(ModelError) as failed:
            await read(models)
    assert (asked, failed.value.code) == (["m", "two's", "three's"], ModelErrorCode.RATE_LIMITED)
    assert failed.value.retry_after == 7


async def test_a_model_has_fallbacks_of_its_own(upstream: Upstream, other: Upstream) -> None:
    async def by_name(exchange: Exchange) -> None:
        await (hello(exchange) if exchange.body["model"] == "spare" else exchange.refuse(500, {}))

    upstream.answer = by_name
    offers = (Offer("m", fallbacks=(Choice("one", "spare"),)), Offer("alone", fallbacks=()), Offer("as the others"))
    async with Models.of(catalog(upstream, second(other), offers=offers)) as models:
        assert text(await read(models)) == "Hello"
        assert text(await read(models, Request(HI.turns, model="as the others"))) == "World"
        with pytest.raises(ModelError, match="failed"):
            await read(models, Request(HI.turns, model="alone"))


async def test_a_provider_of_another_dialect_answers(upstream: Upstream, other: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        assert exchange.path == "/v1/messages?beta=true" or exchange.path.startswith("/v1/messages")
        await stream_anthropic(exchange, [said("Bonjour")], "end_turn")

    upstream.answer, other.answer = refusing(503), answer
    claude = Provider("claude", "anthropic", other.root, "sk-ant-1", model="c", grace=0)
    async with Models.of(catalog(upstream, claude)) as models:
        assert text(await read(models)) == "Bonjour"


async def test_a_fallback_that_does_not_take_the_parameters_is_passed_over(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    claude = Provider("claude", "anthropic", other.root, "sk-ant-1", model="c", grace=0)
    seeded = Request(HI.turns, parameters={"seed": 1})
    async with Models.of(catalog(upstream, claude, second(other))) as models:
        assert text(await read(models, seeded)) == "World"
    assert [exchange.path for exchange in other.asked] == ["/v1/chat/completions"]
    async with Models.of(catalog(upstream, claude)) as models:
        with pytest.raises(ModelError) as failed:
            await read(models, seeded)
    assert failed.value.code is ModelErrorCode.UNREACHABLE


async def test_a_prompt_of_the_servers_own_is_answered_by_another_too(upstream: Upstream, other: Upstream) -> None:
    upstream.answer = refusing(503)
    async with Models.of(catalog(upstream, second(other))) as models:
        assert (await models.write("Hi", "Greet.", tokens=10)).text == "World"


async def test_closing_the_stream_leaves_whoever_is_answering(upstream: Upstream, other: Upstream) -> None:
    left = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(chunk({"content": "W"}))
        await exchange.until_left()
        left.set()

    upstream.answer, other.answer = refusing(503), endless
    async with Models.of(catalog(upstream, second(other))) as models:
        async with asyncio.timeout(30), aclosing(models.stream(HI)) as events:
            await anext(events)
        async with asyncio.timeout(30):
            await left.wait()


async def test_whoever_somebody_is_asked_after_is_not_waited_for_until_it_is_loaded(
    upstream: Upstream, other: Upstream
) -> None:
    async with listening(Upstream()) as nobody:
        pass
    gone = Provider("two", url=nobody.url, model="m")
    upstream.answer = refusing(503)
    async with Models.of(catalog(upstream, gone, second(other))) as models:
        assert text(await read(models)) == "World"
