"""Every provider's stream, byte by byte: whatever it looks like, a person sees what it says."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from llm import endpoint
from llm.anthropic import Message
from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    DataGiven,
    Event,
    FileGiven,
    Finished,
    PartBreak,
    ReasoningDelta,
    ReasoningInstead,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultGiven,
)
from llm.models import Models
from llm.openai import DONE, ChatCompletion
from llm.sse import EventStream
from tests.llm.dialects import (
    ANTHROPIC,
    ENDS,
    FAILED_ENDS,
    HELLO,
    KEEP_AWAKE,
    OPENAI,
    STOP,
    Reply,
    call,
    chunk,
    events,
    message,
    said,
)
from tests.llm.reading import read, read_until_failure
from tests.llm.upstream import Exchange, Upstream

STREAMS = {name: reply for name, reply in OPENAI.items() if reply.content_type == "text/event-stream"}
MESSAGES = [name for name, reply in ANTHROPIC.items() if reply.content_type == "text/event-stream"]


def check(told: list[Event], reply: Reply) -> None:
    """The events say what the reply says, and nothing else."""
    text, reasoning = "", ""
    for place, event in enumerate(told):
        match event:
            case TextDelta(more):
                text += more
            case ReasoningDelta(more):
                reasoning += more
            case ReasoningInstead(instead):
                assert all(isinstance(before, TextDelta) for before in told[:place])
                text, reasoning = "", instead
            case PartBreak():
                raise AssertionError("A reply of one part was cut in two.")
    halves = text.encode("utf-16", "surrogatepass").decode("utf-16")
    assert (halves, reasoning) == (reply.text, reply.reasoning)
    assert {each.id: each.arguments for each in told if isinstance(each, ToolCallFinished)} == reply.calls
    assert {each.call_id: each.content for each in told if isinstance(each, ToolResultGiven)} == reply.results
    finished = told[-1]
    assert isinstance(finished, Finished)
    assert (finished.finish_reason, finished.usage) == (reply.reason, reply.usage)


def read_bytes(pieces: list[bytes], reply: ChatCompletion | Message) -> Iterator[Event]:
    """What a reply says whose body comes in these pieces."""
    stream = EventStream()
    for piece in pieces:
        for data in stream.feed(piece):
            if data != DONE:
                for one in endpoint.objects(data):
                    yield from reply.take(one)
    if (left := stream.end()) is not None and left != DONE:
        for one in endpoint.objects(left):
            yield from reply.take(one)
    yield from reply.finish()


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_may_be_cut_at_every_byte(name: str) -> None:
    body = STREAMS[name].body.encode()
    check(list(read_bytes([body[at : at + 1] for at in range(len(body))], ChatCompletion())), STREAMS[name])
    for cut in range(len(body)):
        check(list(read_bytes([body[:cut], body[cut:]], ChatCompletion())), STREAMS[name])


@pytest.mark.parametrize(
    "name", [name for name, reply in ANTHROPIC.items() if reply.content_type != "application/json"]
)
def test_a_message_may_be_cut_at_every_byte(name: str) -> None:
    body = ANTHROPIC[name].body.encode()
    check(list(read_bytes([body[at : at + 1] for at in range(len(body))], Message())), ANTHROPIC[name])
    for cut in range(len(body)):
        check(list(read_bytes([body[:cut], body[cut:]], Message())), ANTHROPIC[name])


@pytest.mark.parametrize("name", OPENAI)
async def test_a_reply_says_what_its_provider_says(openai: Models, upstream: Upstream, name: str) -> None:
    reply = OPENAI[name]
    upstream.answer = lambda exchange: exchange.send(200, reply.body.encode(), Content_Type=reply.content_type)
    check(await read(openai), reply)


@pytest.mark.parametrize("name", ANTHROPIC)
async def test_a_message_says_what_its_provider_says(anthropic: Models, upstream: Upstream, name: str) -> None:
    reply = ANTHROPIC[name]
    upstream.answer = lambda exchange: exchange.send(200, reply.body.encode(), Content_Type=reply.content_type)
    check(await read(anthropic), reply)


@pytest.mark.parametrize("awake", KEEP_AWAKE)
def test_what_keeps_a_connection_awake_says_nothing(awake: str) -> None:
    body = events(*HELLO, STOP, between=KEEP_AWAKE[awake])
    check(list(read_bytes([body.encode()], ChatCompletion())), Reply(body))


@pytest.mark.parametrize("word", ENDS)
def test_the_reason_of_an_end_is_told(word: str) -> None:
    told = list(read_bytes([events(*HELLO, chunk({}, word)).encode()], ChatCompletion()))
    check(told, Reply("", reason=ENDS[word]))
    assert isinstance(told[-1], Finished)
    assert (told[-1].word, told[-1].model) == (word, "m")


@pytest.mark.parametrize("word", FAILED_ENDS)
async def test_a_provider_that_failed_is_no_end(openai: Models, upstream: Upstream, word: str) -> None:
    body = events(*HELLO, chunk({}, word)).encode()
    upstream.answer = lambda exchange: exchange.send(200, body, Content_Type="text/event-stream")
    told, error = await read_until_failure(openai)
    assert "".join(event.text for event in told if isinstance(event, TextDelta)) == "Hello, wörld 🪟!"
    assert (error.code, word in error.reason) == (ModelErrorCode.PROVIDER_FAILED, True)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("stop", ModelErrorCode.PROVIDER_FAILED),
        ("length", ModelErrorCode.BAD_REQUEST),
        ("content_filter", ModelErrorCode.REFUSED),
        ("something new", ModelErrorCode.PROVIDER_FAILED),
    ],
)
def test_an_empty_reply_is_a_failure(word: str, code: ModelErrorCode) -> None:
    with pytest.raises(ModelError) as failed:
        list(read_bytes([events(chunk({"role": "assistant"}), chunk({}, word)).encode()], ChatCompletion()))
    assert failed.value.code is code


def test_thoughts_alone_are_shown() -> None:
    told = list(read_bytes([events(chunk({"reasoning": "Hm"}), chunk({}, "length")).encode()], ChatCompletion()))
    assert told[0] == ReasoningDelta("Hm")


async def test_the_end_is_what_the_protocol_says_not_the_end_of_the_body(openai: Models, upstream: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        for one in (*HELLO, STOP):
            await exchange.event(one)
        await exchange.until_left()

    upstream.answer = answer
    check(await read(openai), Reply(""))


async def test_a_message_ends_where_it_stops(anthropic: Models, upstream: Upstream) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.line(ANTHROPIC["anthropic"].body)
        await exchange.until_left()

    upstream.answer = answer
    check(await read(anthropic), ANTHROPIC["anthropic"])


async def test_pictures_and_what_is_not_understood_do_not_vanish(openai: Models, upstream: Upstream) -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    delta = {"content": None, "images": [{"type": "image_url", "image_url": {"url": picture}}]}
    odd = {"content": [{"type": "reference", "reference_ids": [1]}]}
    body = events(chunk(delta), chunk(odd), STOP).encode()
    upstream.answer = lambda exchange: exchange.send(200, body, Content_Type="text/event-stream")
    told = await read(openai)
    assert [type(event).__name__ for event in told] == ["FileGiven", "DataGiven", "Finished"]


@pytest.mark.parametrize(
    ("beside", "kind"),
    [
        (call("c1", "look", "{}"), ToolCallStarted),
        ({"function_call": {"name": "look", "arguments": "{}"}}, ToolCallStarted),
        ({"images": ["https://example.com/a.png"]}, FileGiven),
        ({"content": [{"type": "image_url", "image_url": "https://example.com/a.png"}]}, FileGiven),
        ({"content": [{"type": "reference", "reference_ids": [1]}]}, DataGiven),
        ({"audio": {"data": "UklGRg=="}}, DataGiven),
        ({"reasoning_content": "Hm"}, ReasoningDelta),
        ({"content": [{"type": "thinking", "thinking": "Hm"}]}, ReasoningDelta),
    ],
)
@pytest.mark.parametrize("start", ["<", "a <", "a\n</think>b </th"])
def test_what_may_become_a_tag_stays_before_what_follows_it(
    start: str, beside: dict[str, Any], kind: type[Event]
) -> None:
    told = list(read_bytes([events(*said(*start), chunk(beside), *said(" b"), STOP).encode()], ChatCompletion()))
    place = next(number for number, event in enumerate(told) if isinstance(event, kind))
    before, after = ["".join(e.text for e in part if isinstance(e, TextDelta)) for part in (told[:place], told[place:])]
    assert (before, after) == (start, " b")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ({"error": {"code": "content_filter", "message": "Filtered."}}, ModelErrorCode.REFUSED, "content rules"),
        ({"error": "the engine broke"}, ModelErrorCode.PROVIDER_FAILED, "the engine broke"),
        ({"error": {"message": "Provider returned error", "code": 502}}, ModelErrorCode.PROVIDER_FAILED, "returned"),
        ({"error": {"message": "maximum context length is 8"}}, ModelErrorCode.TOO_LONG, "too long"),
        ({"error": {"message": "slow", "type": "rate_limit_error"}}, ModelErrorCode.RATE_LIMITED, "no more requests"),
        ({"error": {"type": "overloaded_error", "message": "Overloaded"}}, ModelErrorCode.PROVIDER_FAILED, "too much"),
        ([{"error": {"code": 400, "message": "Bad thing", "status": "X"}}], ModelErrorCode.BAD_REQUEST, "Bad thing"),
    ],
)
async def test_an_error_within_a_reply_has_its_code_and_its_words(
    openai: Models, upstream: Upstream, error: object, code: ModelErrorCode, words: str
) -> None:
    body = events(*said("Hel"), error).encode()
    upstream.answer = lambda exchange: exchange.send(200, body, Content_Type="text/event-stream")
    told, failed = await read_until_failure(openai)
    assert told == [TextDelta("Hel")]
    assert (failed.code, words in failed.reason) == (code, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}], "API key not valid"),
        ({"detail": "Field required"}, "Field required"),
        ({"detail": [{"loc": ["body", "messages"], "msg": "Input should be a list"}]}, "Input should be a list"),
        ({"object": "error", "message": {"detail": [{"msg": "Extra inputs"}]}, "type": "x"}, "Extra inputs"),
        ({"message": "No such option"}, "No such option"),
        ({"error": "model is broken"}, "model is broken"),
    ],
)
async def test_a_refusal_before_the_reply_says_its_words(
    openai: Models, upstream: Upstream, body: object, words: str
) -> None:
    upstream.answer = lambda exchange: exchange.refuse(400, body)
    with pytest.raises(ModelError) as failed:
        await read(openai)
    assert (failed.value.code, failed.value.reason) == (
        ModelErrorCode.BAD_REQUEST,
        f"The model provider refused the request: {words}",
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("0", "in a moment"),
        ("7", "in 7 seconds"),
        ("90", "in 90 seconds"),
        ("600", "in 10 minutes"),
        ("14400", "in 4 hours"),
        ("2556130", "in 30 days"),
        ("99999999", "in some days"),
        ("soon", "later"),
    ],
)
async def test_a_wait_is_said_as_a_person_says_it(openai: Models, upstream: Upstream, header: str, words: str) -> None:
    upstream.answer = lambda exchange: exchange.refuse(429, {"error": {"message": "Slow"}}, Retry_After=header)
    with pytest.raises(ModelError, match=f"Try again {words}\\.") as failed:
        await read(openai)
    assert failed.value.code is ModelErrorCode.RATE_LIMITED


async def test_silence_is_measured_on_bytes(upstream: Upstream) -> None:
    """Comments for longer than a provider may be silent, then the reply."""

    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.6
        while loop.time() < until:
            await exchange.line(": keep-alive\n\n")
            await asyncio.sleep(0.02)
        await exchange.line(events(*HELLO, STOP))
        await exchange.end()

    upstream.answer = answer
    async with Models.open(url=upstream.url, silence=0.3) as models:
        check(await read(models), Reply(""))


def test_an_answer_of_anthropic_without_a_word_is_a_failure() -> None:
    with pytest.raises(ModelError) as failed:
        list(read_bytes([message().encode()], Message()))
    assert failed.value.reason == "The model gave an empty reply. Try again."


async def test_a_model_that_cannot_see_says_so(openai: Models, upstream: Upstream) -> None:
    body = {"error": {"code": 500, "message": "image input is not supported - hint: provide the mmproj"}}
    upstream.answer = lambda exchange: exchange.refuse(500, body)
    with pytest.raises(ModelError, match="cannot see pictures") as failed:
        await read(openai)
    assert failed.value.code is ModelErrorCode.BAD_REQUEST


async def test_a_failure_for_length_is_one_whatever_its_status(openai: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: exchange.refuse(500, {"error": {"message": "Context size has been exceeded."}})
    with pytest.raises(ModelError) as failed:
        await read(openai)
    assert failed.value.code is ModelErrorCode.TOO_LONG


async def test_only_a_server_that_tells_progress_is_asked_for_it(openai: Models, upstream: Upstream) -> None:
    body = events(*HELLO, STOP).encode()
    upstream.answer = lambda exchange: exchange.send(200, body, Content_Type="text/event-stream", Server="llama.cpp")
    await read(openai)
    await read(openai)
    assert [exchange.body.get("return_progress") for exchange in upstream.asked] == [None, True]
