"""The OpenAI protocol: chat completions as server-sent events."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    Usage,
)
from llm.models import Models
from llm.requests import Requests
from llm.turns import File, Reasoning, Request, Text, ToolCall, ToolResult, Turn
from tests.llm.reading import HI, read, read_until_failure, text
from tests.llm.upstream import Exchange, Upstream

PNG = "data:image/png;base64,iVBORw0KGgo="


def chunk(delta: dict[str, Any], finish: str | None = None, **more: object) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "ref-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def call(index: int, arguments: str, id: str | None = None, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"tool_calls": [{"index": index, "function": function} | ({"id": id, "type": "function"} if id else {})]}


async def stream(exchange: Exchange, *chunks: dict[str, Any]) -> None:
    await exchange.begin()
    for one in chunks:
        await exchange.event(one)
    await exchange.event("[DONE]")
    await exchange.end()


async def hello(exchange: Exchange) -> None:
    await stream(exchange, chunk({"role": "assistant", "content": "Hello"}), chunk({}, "stop"))


async def test_every_token_is_passed_on_before_the_next_is_there(openai: Models, upstream: Upstream) -> None:
    heard = asyncio.Queue[str]()

    async def answer(exchange: Exchange) -> None:
        await exchange.begin()
        for token in ("One", " two", " three"):
            await exchange.event(chunk({"content": token}))
            assert await asyncio.wait_for(heard.get(), 5) == token
        await exchange.event(chunk({}, "stop"))
        await exchange.end()

    upstream.answer = answer
    async with aclosing(openai.choose().stream(HI)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                heard.put_nowait(event.text)
    assert heard.empty()


async def test_reasoning_text_and_usage_are_told(openai: Models, upstream: Upstream) -> None:
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    upstream.answer = lambda exchange: stream(
        exchange,
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Let me"}),
        chunk({"reasoning_content": " think."}),
        chunk({"content": "Hello"}),
        chunk({"content": " there"}),
        chunk({}, "length"),
        chunk({}, usage=usage) | {"choices": []},
    )
    assert await read(openai) == [
        ReasoningDelta("Let me"),
        ReasoningDelta(" think."),
        TextDelta("Hello"),
        TextDelta(" there"),
        Finished(Usage(20, 9, 4, 16), FinishReason.LENGTH, "ref-1"),
    ]


async def test_calls_of_tools_are_told_as_they_are_written(openai: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(
        exchange,
        chunk({"content": "I look."}),
        chunk(call(0, "", "c1", "search")),
        chunk(call(0, '{"q":')),
        chunk(call(0, '"x"}')),
        chunk(call(1, "", "c2", "now")),
        chunk({}, "tool_calls"),
    )
    assert await read(openai) == [
        TextDelta("I look."),
        ToolCallStarted("c1", "search"),
        ToolCallDelta("c1", '{"q":'),
        ToolCallDelta("c1", '"x"}'),
        ToolCallFinished("c1", '{"q":"x"}'),
        ToolCallStarted("c2", "now"),
        ToolCallFinished("c2", "{}"),
        Finished(Usage(), FinishReason.TOOL_CALLS, "ref-1"),
    ]


async def test_calls_written_side_by_side_stay_apart(openai: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(
        exchange,
        chunk(call(0, '{"a":', "c1", "one")),
        chunk(call(1, '{"b":', "c2", "two")),
        chunk(call(0, "1}")),
        chunk(call(1, "2}")),
        chunk({}, "tool_calls"),
    )
    assert await read(openai) == [
        ToolCallStarted("c1", "one"),
        ToolCallDelta("c1", '{"a":'),
        ToolCallStarted("c2", "two"),
        ToolCallDelta("c2", '{"b":'),
        ToolCallDelta("c1", "1}"),
        ToolCallDelta("c2", "2}"),
        ToolCallFinished("c1", '{"a":1}'),
        ToolCallFinished("c2", '{"b":2}'),
        Finished(Usage(), FinishReason.TOOL_CALLS, "ref-1"),
    ]


async def test_the_request_says_it_all(openai: Models, upstream: Upstream) -> None:
    upstream.answer = hello
    turns = (
        Turn("system", (Text("Be kind."),)),
        Turn("user", (Text("Look:"), File(PNG, "image/png", "a.png"))),
        Turn(
            "assistant",
            (
                Reasoning("Hm."),
                Text("I look."),
                ToolCall("c1", "search", '{"q": "x"}'),
                ToolCall("c2", "search", "{}"),
                ToolResult("c1", "search", "found"),
                Text("Found."),
            ),
        ),
        Turn("user", (Text("And"), Text("now?"))),
    )
    parameters = {"temperature": 0.5, "max_tokens": 5, "top_p": 0.9, "seed": 3, "stop": "END"}
    await read(openai, Request(turns, "You are Ann.", "other", parameters))
    asked = upstream.asked[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer sk-secret-1234567890"
    assert asked.body == {
        "model": "other",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "max_tokens": 5,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["END"],
        "messages": [
            {"role": "system", "content": "Be kind.\n\nYou are Ann."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": PNG}}],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q":"x"}'}},
                    {"id": "c2", "type": "function", "function": {"name": "search", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
            {"role": "tool", "tool_call_id": "c2", "content": '{"error":"The tool gave no result."}'},
            {"role": "assistant", "content": "Found."},
            {"role": "user", "content": "And\n\nnow?"},
        ],
    }


async def test_arguments_cut_off_by_a_limit_can_be_sent_again(openai: Models, upstream: Upstream) -> None:
    upstream.answer = hello
    await read(openai, Request((Turn("user", (Text("Hi"),)), Turn("assistant", (ToolCall("c1", "search", '{"q'),)))))
    function = upstream.asked[0].body["messages"][1]["tool_calls"][0]["function"]
    assert function == {"name": "search", "arguments": '{"INVALID_JSON":"{\\"q"}'}


async def test_a_result_without_a_call_is_left_out(openai: Models, upstream: Upstream) -> None:
    upstream.answer = hello
    await read(openai, Request((Turn("tool", (ToolResult("c9", "x", "y"),)), *HI.turns)))
    assert upstream.asked[0].body["messages"] == [{"role": "user", "content": "Hi"}]


async def test_a_file_without_a_real_address_is_refused(openai: Models, upstream: Upstream) -> None:
    with pytest.raises(ModelError, match=r"^The file 'a\.txt' cannot be given to a model") as refused:
        await read(openai, Request((Turn("user", (File("file:///etc/passwd", "text/plain", "a.txt"),)),)))
    assert refused.value.code is ModelErrorCode.BAD_REQUEST
    assert upstream.asked == []


async def test_a_file_at_a_private_address_is_not_fetched(openai: Models, upstream: Upstream) -> None:
    file = File(f"{upstream.root}/internal.pdf", "application/pdf", "a.pdf")
    with pytest.raises(ModelError, match=r"^A file of the conversation could not be fetched") as refused:
        await read(openai, Request((Turn("user", (file,)),)))
    assert refused.value.code is ModelErrorCode.BAD_REQUEST
    assert upstream.asked == []


async def test_an_image_is_named_to_the_provider_not_fetched(openai: Models, upstream: Upstream) -> None:
    upstream.answer = hello
    await read(openai, Request((Turn("user", (File("https://example.org/a.png", "image/png", "a.png"),)),)))
    assert upstream.asked[0].body["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    ]


SECRET = "sk-secret-1234567890"
FAILURES: list[tuple[int, dict[str, Any], ModelErrorCode, str]] = [
    (
        401,
        {"message": f"Incorrect API key provided: {SECRET}.", "code": "invalid_api_key"},
        ModelErrorCode.UNAUTHORIZED,
        "The model provider does not accept the API key, or the key may not use this model.",
    ),
    (
        404,
        {"message": "The model does not exist", "code": "model_not_found"},
        ModelErrorCode.BAD_REQUEST,
        "The model provider has no model 'm', or its address is wrong.",
    ),
    (
        400,
        {"message": "This model's maximum context length is 8 tokens.", "code": "context_length_exceeded"},
        ModelErrorCode.TOO_LONG,
        "The conversation is too long for this model. Shorten it, or choose a model that can read more.",
    ),
    (
        400,
        {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"},
        ModelErrorCode.TOO_LONG,
        "The conversation is too long for this model. Shorten it, or choose a model that can read more.",
    ),
    (
        413,
        {"message": "Too large"},
        ModelErrorCode.TOO_LONG,
        "The conversation is too long for this model. Shorten it, or choose a model that can read more.",
    ),
    (
        400,
        {"message": f"Bad 'logprobs' for {SECRET}.\nTraceback (most recent call last)", "code": None},
        ModelErrorCode.BAD_REQUEST,
        "The model provider refused the request: Bad 'logprobs' for ….",
    ),
    (
        400,
        {"message": "Rejected by our safety system.", "code": "content_policy_violation"},
        ModelErrorCode.REFUSED,
        "The model provider's content rules forbid an answer.",
    ),
    (
        429,
        {"message": "You exceeded your quota.", "code": "insufficient_quota"},
        ModelErrorCode.RATE_LIMITED,
        "The account at the model provider has used up its quota or credit.",
    ),
    (
        500,
        {"message": "Traceback ..."},
        ModelErrorCode.PROVIDER_FAILED,
        "The model provider failed (HTTP 500). Try again.",
    ),
    (
        503,
        {"message": "Loading model", "type": "unavailable_error"},
        ModelErrorCode.UNREACHABLE,
        "The model provider is not ready or has too much to do. Try again in a moment.",
    ),
]


@pytest.mark.parametrize(("status", "error", "code", "reason"), FAILURES)
async def test_a_refusal_becomes_a_sentence(
    openai: Models, upstream: Upstream, status: int, error: dict[str, Any], code: ModelErrorCode, reason: str
) -> None:
    upstream.answer = lambda exchange: exchange.refuse(status, {"error": error})
    with pytest.raises(ModelError) as failed:
        await read(openai)
    assert (failed.value.code, failed.value.reason) == (code, reason)
    assert len(upstream.asked) == 1


async def test_a_rate_limit_tells_when_to_come_back(openai: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: exchange.refuse(429, {"error": {"message": "Slow"}}, Retry_After="7")
    with pytest.raises(ModelError, match="Try again in 7 seconds") as failed:
        await read(openai)
    assert (failed.value.code, failed.value.retry_after) == (ModelErrorCode.RATE_LIMITED, 7)
    assert len(upstream.asked) == 1


async def test_a_refusal_in_words_is_an_error_that_says_them(openai: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(exchange, chunk({"refusal": "I can't"}), chunk({"refusal": "."}, "stop"))
    with pytest.raises(ModelError) as failed:
        await read(openai)
    assert (failed.value.code, failed.value.reason) == (
        ModelErrorCode.REFUSED,
        "The model refused to answer: I can't.",
    )


async def cut_off(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.event(chunk({"content": "Hel"}))
    exchange.cut()


async def closed_early(exchange: Exchange) -> None:
    await stream(exchange, chunk({"content": "Hel"}))


async def error_inside(exchange: Exchange) -> None:
    await stream(exchange, chunk({"content": "Hel"}), {"error": {"message": "Oops", "type": "server_error"}})


async def garbage_inside(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.event(chunk({"content": "Hel"}))
    await exchange.event("{nonsense")
    await exchange.end()


@pytest.mark.parametrize("answer", [cut_off, closed_early, error_inside, garbage_inside])
async def test_a_reply_that_breaks_off_is_a_failure_after_what_came(
    openai: Models, upstream: Upstream, answer: Any
) -> None:
    upstream.answer = answer
    events, error = await read_until_failure(openai)
    assert events == [TextDelta("Hel")]
    assert error.code is ModelErrorCode.PROVIDER_FAILED
    assert error.reason.endswith("Try again.")
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    "body",
    [b"<html>Not what you think</html>", b"", b"data: 5\n\n", b"data: []\n\n", b'data: {"a": 1}\n\n', b"\xff\xfe"],
)
async def test_an_answer_in_another_language_is_a_failure(openai: Models, upstream: Upstream, body: bytes) -> None:
    upstream.answer = lambda exchange: exchange.send(200, body, Content_Type="text/event-stream")
    with pytest.raises(ModelError) as failed:
        await read(openai)
    assert failed.value.code is ModelErrorCode.PROVIDER_FAILED


async def test_a_thousand_chunks_arrive_in_order(openai: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(
        exchange, *(chunk({"content": f"{number} "}) for number in range(1000)), chunk({}, "stop")
    )
    assert text(await read(openai)) == "".join(f"{number} " for number in range(1000))


@pytest.mark.parametrize(
    ("url", "asks"), [("https://api.mistral.ai/v1", False), ("https://api.groq.com/openai/v1", True)]
)
async def test_mistral_is_not_asked_for_usage_which_it_tells_anyway(url: str, asks: bool) -> None:
    request = await Requests("openai", url=url, key="sk-1").of(HI, "m")
    body = json.loads(request.content)
    assert ("stream_options" in body, body["stream"], body["model"]) == (asks, True, "m")
    assert int(request.headers["content-length"]) == len(request.content)
    assert (request.headers["authorization"], str(request.url)) == ("Bearer sk-1", f"{url}/chat/completions")
