"""The Anthropic protocol: messages as server-sent events."""

from typing import Any

import pytest

from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    Finished,
    FinishReason,
    PartBreak,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    Usage,
)
from llm.models import Models
from llm.turns import Reasoning, Request, Text, ToolCall, ToolResult, Turn
from tests.llm.reading import read, read_until_failure, text
from tests.llm.upstream import Exchange, Upstream

type Blocks = list[tuple[dict[str, Any], list[dict[str, Any]]]]

START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 20, "output_tokens": 1, "cache_read_input_tokens": 5},
    },
}


async def begin(exchange: Exchange, blocks: Blocks) -> None:
    await exchange.begin()
    await exchange.event(START, "message_start")
    for index, (block, deltas) in enumerate(blocks):
        await exchange.event(
            {"type": "content_block_start", "index": index, "content_block": block}, "content_block_start"
        )
        for delta in deltas:
            await exchange.event({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
        await exchange.event({"type": "content_block_stop", "index": index}, "content_block_stop")


async def stream(exchange: Exchange, blocks: Blocks, stop_reason: str) -> None:
    await begin(exchange, blocks)
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    await exchange.event({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}}, "message_delta")
    await exchange.event({"type": "message_stop"}, "message_stop")
    await exchange.end()


def said(*texts: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": text} for text in texts]


async def test_reasoning_text_tools_and_usage_are_told(anthropic: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(
        exchange,
        [
            (
                {"type": "thinking", "thinking": "", "signature": ""},
                [
                    {"type": "thinking_delta", "thinking": "Hm"},
                    {"type": "thinking_delta", "thinking": "."},
                    {"type": "signature_delta", "signature": "xyz"},
                ],
            ),
            said("I", " look."),
            said("Now."),
            (
                {"type": "tool_use", "id": "c1", "name": "search", "input": {}},
                [
                    {"type": "input_json_delta", "partial_json": '{"q":'},
                    {"type": "input_json_delta", "partial_json": '"x"}'},
                ],
            ),
        ],
        "tool_use",
    )
    assert await read(anthropic) == [
        ReasoningDelta("Hm"),
        ReasoningDelta("."),
        TextDelta("I"),
        TextDelta(" look."),
        PartBreak(),
        TextDelta("Now."),
        ToolCallStarted("c1", "search"),
        ToolCallDelta("c1", '{"q":'),
        ToolCallDelta("c1", '"x"}'),
        ToolCallFinished("c1", '{"q":"x"}'),
        Finished(Usage(25, 9, None, 5), FinishReason.TOOL_CALLS, "msg_1"),
    ]


async def test_the_request_says_it_all(anthropic: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(exchange, [said("Hello")], "end_turn")
    turns = (
        Turn("system", (Text("Be kind."),)),
        Turn("user", (Text("Hi"),)),
        Turn("assistant", (Reasoning("Hm."), Text("I look."), ToolCall("c1", "search", '{"q": "x"}'))),
        Turn("tool", (ToolResult("c1", "search", "broken", is_error=True),)),
        Turn("user", (Text("And now?"),)),
    )
    await read(anthropic, Request(turns, "You are Ann.", None, {"max_tokens": 5, "seed": 1, "stop": ["END"]}))
    asked = upstream.asked[0]
    assert asked.path.startswith("/v1/messages")
    assert asked.headers["authorization"] == "Bearer sk-ant-secret-123456"
    body = asked.body
    assert (body["model"], body["max_tokens"], body["stop_sequences"]) == ("claude-haiku-4-5", 5, ["END"])
    assert body["tool_choice"] == {"type": "none"}
    assert [tool["name"] for tool in body["tools"]] == ["search"]
    assert "Be kind." in str(body["system"])
    assert "You are Ann." in str(body["system"])
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "x"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "broken"}],
                    "is_error": True,
                },
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


SYSTEM = Turn("system", (Text("S"),))
ASKED = Turn("user", (Text("U"),))
SPOKE = Turn("assistant", (Text("A"),))


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        ((), ["Begin the conversation."]),
        ((SYSTEM,), ["Begin the conversation."]),
        ((SYSTEM, SPOKE), ["Begin the conversation.", "A", "Go on."]),
        ((ASKED, SPOKE), ["U", "A", "Go on."]),
        ((SPOKE, ASKED), ["U"]),
    ],
)
async def test_a_person_begins_and_ends_what_a_model_is_told(
    anthropic: Models, upstream: Upstream, turns: tuple[Turn, ...], sent: list[str]
) -> None:
    """1-34: an assistant may speak first, of its own accord or after its own words."""
    upstream.answer = lambda exchange: stream(exchange, [said("Hello")], "end_turn")
    await read(anthropic, Request(turns, "You are Ann."))
    told = upstream.asked[0].body["messages"]
    assert [turn["content"][0]["text"] for turn in told] == sent
    assert [turn["role"] for turn in told] == ["user", "assistant", "user"][: len(sent)]


@pytest.mark.parametrize(
    ("status", "kind", "message", "code"),
    [
        (401, "authentication_error", "invalid x-api-key", ModelErrorCode.UNAUTHORIZED),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", ModelErrorCode.TOO_LONG),
        (400, "invalid_request_error", "Your credit balance is too low", ModelErrorCode.RATE_LIMITED),
        (400, "invalid_request_error", "messages: at least one", ModelErrorCode.BAD_REQUEST),
        (404, "not_found_error", "model: claude-x", ModelErrorCode.BAD_REQUEST),
        (429, "rate_limit_error", "slow down", ModelErrorCode.RATE_LIMITED),
        (500, "api_error", "oops", ModelErrorCode.PROVIDER_FAILED),
        (529, "overloaded_error", "Overloaded", ModelErrorCode.UNREACHABLE),
    ],
)
async def test_a_refusal_has_its_code(
    anthropic: Models, upstream: Upstream, status: int, kind: str, message: str, code: ModelErrorCode
) -> None:
    error = {"type": "error", "error": {"type": kind, "message": message}}
    upstream.answer = lambda exchange: exchange.refuse(status, error, Retry_After="9")
    with pytest.raises(ModelError) as failed:
        await read(anthropic)
    assert failed.value.code is code
    if status == 429:
        assert failed.value.retry_after == 9


async def cut_off(exchange: Exchange) -> None:
    await begin(exchange, [said("Hel")])
    exchange.cut()


async def closed_early(exchange: Exchange) -> None:
    await begin(exchange, [said("Hel")])
    await exchange.end()


async def error_inside(exchange: Exchange) -> None:
    await begin(exchange, [said("Hel")])
    await exchange.event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")
    await exchange.end()


@pytest.mark.parametrize("answer", [cut_off, closed_early, error_inside])
async def test_a_reply_that_breaks_off_is_a_failure(anthropic: Models, upstream: Upstream, answer: Any) -> None:
    upstream.answer = answer
    events, error = await read_until_failure(anthropic)
    assert text(events) == "Hel"
    assert error.code is ModelErrorCode.PROVIDER_FAILED
    assert error.reason.endswith("Try again.")
    assert len(upstream.asked) == 1


async def test_a_refusal_without_a_word_is_an_error(anthropic: Models, upstream: Upstream) -> None:
    upstream.answer = lambda exchange: stream(exchange, [], "refusal")
    with pytest.raises(ModelError) as failed:
        await read(anthropic)
    assert failed.value.code is ModelErrorCode.REFUSED
