import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultGiven,
    Usage,
)
from llm.script import Stopped
from llm.scripted import ScriptedModel
from llm.turns import Request, Text, Turn
from tests.llm.reading import HI, read, text


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


async def test_a_reply_is_what_was_said(model: ScriptedModel) -> None:
    reply = asyncio.create_task(read(model))
    await model.say("Hel")
    await model.say("lo", end=True)
    assert await reply == [TextDelta("Hel"), TextDelta("lo"), Finished(Usage(0, 2))]
    assert model.requests == [HI]
    assert model.stopped == 0


async def test_saying_returns_once_the_consumer_asks_for_more(model: ScriptedModel) -> None:
    async with aclosing(model.stream(HI)) as events:
        said = asyncio.create_task(model.say("Hel"))
        assert await anext(events) == TextDelta("Hel")
        await asyncio.sleep(0)
        assert not said.done()
        more = asyncio.create_task(anext(events))
        await said
        assert not more.done()
        more.cancel()
        await asyncio.wait([more])


async def test_what_is_said_before_anyone_listens_waits(model: ScriptedModel) -> None:
    said = asyncio.create_task(model.say("Hello", end=True))
    await asyncio.sleep(0)
    assert not said.done()
    assert text(await read(model)) == "Hello"
    await said


async def test_reasoning_and_tools_are_told_like_text(model: ScriptedModel) -> None:
    reply = asyncio.create_task(read(model))
    await model.think("Hm.")
    await model.call("1", "search", '{"q":"x"}')
    await model.result("1", "search", "found")
    await model.finish(usage=Usage(7, 8, 3, 2), finish_reason=FinishReason.TOOL_CALLS, provider_ref="r1")
    assert await reply == [
        ReasoningDelta("Hm."),
        ToolCallStarted("1", "search"),
        ToolCallDelta("1", '{"q":"x"}'),
        ToolCallFinished("1", '{"q":"x"}'),
        ToolResultGiven("1", "search", "found"),
        Finished(Usage(7, 8, 3, 2), FinishReason.TOOL_CALLS, "r1"),
    ]


async def test_a_failure_ends_the_stream_and_is_no_stop(model: ScriptedModel) -> None:
    reply = asyncio.create_task(read(model))
    await model.say("Hel")
    await model.fail(ModelError("Too busy.", ModelErrorCode.RATE_LIMITED, retry_after=3))
    with pytest.raises(ModelError, match="Too busy") as failed:
        await reply
    assert (failed.value.code, failed.value.retry_after) == (ModelErrorCode.RATE_LIMITED, 3)
    assert model.stopped == 0


async def test_each_stream_plays_a_script_of_its_own(model: ScriptedModel) -> None:
    first, second = model.script(), model.script()
    replies = [asyncio.create_task(read(model, Request((Turn("user", (Text(name),)),)))) for name in "ab"]
    await second.say("two")
    await first.say("one", end=True)
    await second.say("!", end=True)
    assert [text(await reply) for reply in replies] == ["one", "two!"]
    assert first.request is not None
    assert first.request.turns[0].parts == (Text("a"),)


async def test_the_next_stream_follows_when_one_is_over(model: ScriptedModel) -> None:
    for word in ("one", "two"):
        reply = asyncio.create_task(read(model))
        await model.say(word, end=True)
        assert text(await reply) == word


async def test_a_stream_closed_midway_is_seen_as_stopped(model: ScriptedModel) -> None:
    script = model.script()
    async with aclosing(model.stream(HI)) as events:
        said = asyncio.create_task(script.say("Hel"))
        await anext(events)
        late = asyncio.create_task(script.say("lo"))
        await asyncio.sleep(0)
    await said
    await model.until_stopped()
    assert script.stopped
    with pytest.raises(Stopped):
        await late
    with pytest.raises(Stopped):
        await script.say("again")


async def test_a_cancelled_consumer_is_seen_as_stopped(model: ScriptedModel) -> None:
    reply = asyncio.create_task(read(model))
    assert await model.until_asked() == HI
    await model.say("Hel")
    reply.cancel()
    await model.until_stopped()
    assert model.stopped == 1


async def test_leaving_after_the_last_event_is_no_stop(model: ScriptedModel) -> None:
    said = asyncio.create_task(model.say("Hello", end=True))
    async with aclosing(model.stream(HI)) as events:
        async for event in events:
            if isinstance(event, Finished):
                break
    await said
    assert model.stopped == 0


async def test_it_runs_by_itself_word_by_word() -> None:
    events = await read(ScriptedModel.streaming("Hello there,\n you "))
    assert events == [
        TextDelta("Hello"),
        TextDelta(" there,"),
        TextDelta("\n you"),
        TextDelta(" "),
        Finished(Usage(0, 4)),
    ]


async def test_it_keeps_its_interval() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await read(ScriptedModel.streaming(["x"] * 20, 0.002))
    assert loop.time() - began >= 0.04


async def test_many_streams_run_by_themselves_at_once() -> None:
    model = ScriptedModel.streaming(["x"] * 2000)
    replies = await asyncio.gather(*(read(model) for _ in range(5)))
    assert [text(reply) for reply in replies] == ["x" * 2000] * 5


async def test_it_may_answer_what_it_was_asked() -> None:
    async def echo(request: Request) -> AsyncGenerator[Event]:
        yield TextDelta("".join(part.text for part in request.turns[-1].parts if isinstance(part, Text)))
        yield Finished(Usage(0, 1))

    assert text(await read(ScriptedModel(echo))) == "Hi"


async def test_its_address_tells_tokens_and_interval() -> None:
    numbers: list[Event] = await read(ScriptedModel.of_url("scripted:?tokens=3&interval=0.001"))
    assert numbers == [TextDelta("0 "), TextDelta("1 "), TextDelta("2 "), Finished(Usage(0, 3))]
    assert text(await read(ScriptedModel.of_url("scripted:?text=Hello%20you"))) == "Hello you"


@pytest.mark.parametrize(
    "url", ["scripted:?tokens=many", "scripted:?interval=-1", "scripted:?interval=nan", "scripted:?speed=1"]
)
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(ModelError, match="URL must be like") as refused:
        ScriptedModel.of_url(url)
    assert refused.value.code is ModelErrorCode.NOT_CONFIGURED
