"""What providers send, as they send it: a body for each dialect and each way to end, and what it says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm.events import FinishReason, Usage

OPENAI_USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}


@dataclass(frozen=True)
class Reply:
    """A body, and what a person should see of it."""

    body: str
    text: str = "Hello, wörld 🪟!"
    reasoning: str = ""
    calls: Mapping[str, str] = field(default_factory=dict)
    """The arguments of the tools that are called, by the ids of the calls."""
    results: Mapping[str, str] = field(default_factory=dict)
    reason: FinishReason = FinishReason.STOP
    usage: Usage = field(default_factory=Usage)
    content_type: str = "text/event-stream"


def chunk(delta: object, finish: str | None = None, **more: object) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "r1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def said(*texts: str) -> list[dict[str, Any]]:
    return [chunk({"content": text}) for text in texts]


def events(*chunks: object, done: bool = True, newline: str = "\n", between: str = "") -> str:
    """Chunks as an event stream; `between` stands before each."""
    data = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in chunks]
    lines = [f"{between}data: {each}{newline * 2}" for each in (*data, *(["[DONE]"] if done else []))]
    return "".join(lines)


HELLO = said("Hel", "lo, wö", "rld 🪟", "!")
STOP = chunk({}, "stop")


def call(id: str | None, name: str | None, arguments: object, index: int | None = 0) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "function", "function": {"arguments": arguments}}
    if name is not None:
        one["function"]["name"] = name
    if id is not None:
        one["id"] = id
    if index is not None:
        one["index"] = index
    return {"tool_calls": [one]}


KEEP_AWAKE = {
    "comments": ": keep-alive\n\n",
    "processing": ": OPENROUTER PROCESSING\n\n",
    "a comment without its own block": ": ping\n",
    "pings": "event: ping\n\n",
    "ids": "id: 7\n\n",
    "retries": "retry: 3000\n\n",
    "empty data": "data:\n\n",
    "null": "data: null\n\n",
    "blank lines": "\n\n\n",
    "a chunk without choices": 'data: {"choices": []}\n\n',
    "an empty chunk": f"data: {json.dumps(chunk({'content': ''}))}\n\n",
}

OPENAI: dict[str, Reply] = {
    "openai": Reply(
        events(chunk({"role": "assistant", "content": "", "refusal": None}), *HELLO, STOP, {"choices": [], "usage": OPENAI_USAGE}),
        usage=Usage(20, 9),
    ),
    "azure": Reply(
        events(
            {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}], "model": ""},
            *HELLO,
            STOP,
            {"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}}]},
        )
    ),
    "mistral": Reply(
        events(
            chunk({"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]}),
            chunk({"content": [{"type": "text", "text": "Hello, wörld"}]}),
            chunk({"content": " 🪟!"}, "stop", usage=OPENAI_USAGE),
        ),
        reasoning="Hm",
        usage=Usage(20, 9),
    ),
    "deepseek": Reply(
        events(
            chunk({"role": "assistant", "content": None, "reasoning_content": "Let me"}),
            chunk({"content": None, "reasoning_content": " think."}),
            *HELLO,
            chunk({"content": "", "reasoning_content": None}, "stop", usage=OPENAI_USAGE),
            between=": keep-alive\n\n",
        ),
        reasoning="Let me think.",
        usage=Usage(20, 9),
    ),
    "gemini": Reply(
        events(
            *(chunk({"content": text}, None, usage={**OPENAI_USAGE, "completion_tokens": n}) for n, text in enumerate(("Hello, ", "wörld"), 1)),
            chunk({"content": " 🪟!", "role": "assistant"}, "stop", usage={**OPENAI_USAGE, "completion_tokens": 3}),
        ),
        usage=Usage(20, 3),
    ),
    "openrouter": Reply(
        events(
            chunk({"role": "assistant", "content": "", "reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}),
            *HELLO,
            chunk({"content": ""}, "stop", native_finish_reason="STOP"),
            chunk({"content": ""}, None, usage=OPENAI_USAGE),
            between=": OPENROUTER PROCESSING\n\n",
        ),
        reasoning="Hm",
        usage=Usage(20, 9),
    ),
    "vllm": Reply(
        events(
            chunk({"role": "assistant", "content": ""}, None, usage={"prompt_tokens": 20, "completion_tokens": 0}),
            *(chunk({"content": text}, usage={"prompt_tokens": 20, "completion_tokens": n}) for n, text in enumerate(("Hello", ", wörld 🪟!"), 1)),
            chunk({}, "stop", stop_reason=None),
            {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 2}},
        ),
        usage=Usage(20, 2),
    ),
    "llama.cpp": Reply(
        events(
            chunk({"role": "assistant", "content": None}),
            *HELLO,
            chunk({}, "stop", usage=OPENAI_USAGE, timings={"prompt_n": 20, "predicted_n": 9}),
        ),
        usage=Usage(20, 9),
    ),
    "ollama": Reply(events(*HELLO, chunk({"role": "assistant", "content": ""}, "stop"), {"choices": [], "usage": OPENAI_USAGE}), usage=Usage(20, 9)),
    "lm studio, thinking in the text": Reply(
        events(*said("<th", "ink>", "\nHm", "m.\n", "</thi", "nk>\n\n"), *HELLO, STOP), reasoning="Hmm."
    ),
    "a template that opens the thought itself": Reply(
        events(*said("Okay, the user", " says hi.\n", "</think>", "\n\n"), *HELLO, STOP), reasoning="Okay, the user says hi."
    ),
    "a tag as the subject": Reply(
        events(*said('the tag "`', "<think>", '`". A parser', " reads </think>", " too."), STOP),
        text='the tag "`<think>`". A parser reads </think> too.',
    ),
    "a closing tag as the subject, the thoughts told apart": Reply(
        events(chunk({"reasoning_content": "Hm"}), *said("A line of\n", "</thi", "nk>\n", "ends them."), STOP),
        text="A line of\n</think>\nends them.",
        reasoning="Hm",
    ),
    "a closing tag as the subject, behind a call": Reply(
        events(*said("I look."), chunk(call("c1", "look", "{}")), *said("\n</think>\n"), STOP),
        text="I look.\n</think>\n",
        calls={"c1": "{}"},
    ),
    "a template that opens the thought itself, before a call": Reply(
        events(*said("I look.\n", "</think>"), chunk(call("c1", "look", "{}")), chunk({}, "tool_calls")),
        text="",
        reasoning="I look.",
        calls={"c1": "{}"},
        reason=FinishReason.TOOL_CALLS,
    ),
    "an opening tag, the thoughts told apart as well": Reply(
        events(chunk({"reasoning_content": "H"}), *said("\n<think>", "m</think>\n\n"), *HELLO, STOP), reasoning="Hm"
    ),
    "a finishing chunk without a delta": Reply(events(*HELLO, {"choices": [{"index": 0, "finish_reason": "stop"}]})),
    "a finishing chunk whose delta is null": Reply(events(*HELLO, chunk(None, "stop"))),
    "a whole message at the end": Reply(
        events(
            *HELLO,
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello, wörld 🪟!"}, "finish_reason": "stop"}]},
        )
    ),
    "a whole message behind what may become a tag": Reply(
        events(
            *said("<th"),
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": "<th>"}, "finish_reason": "stop"}]},
        ),
        text="<th>",
    ),
    "messages in the place of deltas": Reply(
        events({"choices": [{"index": 0, "message": {"content": "Hello, wörld 🪟!"}, "finish_reason": "stop"}]})
    ),
    "the reason with the last text": Reply(events(*HELLO[:-1], chunk({"content": "!"}, "stop"))),
    "cut off, without a delta": Reply(events(*HELLO, chunk(None, "length")), reason=FinishReason.LENGTH),
    "no end of the stream": Reply(events(*HELLO, STOP, done=False)),
    "carriage returns": Reply(events(*HELLO, STOP, newline="\r\n")),
    "old line ends": Reply(events(*HELLO, STOP, newline="\r")),
    "a byte order mark": Reply("\ufeff" + events(*HELLO, STOP)),
    "no empty line at the end": Reply(events(*HELLO, STOP, done=False).removesuffix("\n\n")),
    "data without a blank": Reply(events(*HELLO, STOP).replace("data: ", "data:")),
    "data on several lines": Reply(
        "".join(f"data: {line}\n" for line in json.dumps(HELLO[0], indent=1).splitlines()) + "\n" + events(*HELLO[1:], STOP)
    ),
    "half an emoji in each of two chunks": Reply(
        'data: {"choices":[{"delta":{"content":"Hello, wörld \\ud83e"}}]}\n\n'
        'data: {"choices":[{"delta":{"content":"\\ude9f!"},"finish_reason":"stop"}]}\n\n'
    ),
    "usage told twice": Reply(
        events(*HELLO, chunk({}, "stop", usage=OPENAI_USAGE), {"choices": [], "usage": OPENAI_USAGE}), usage=Usage(20, 9)
    ),
    "a whole completion, though a stream was asked for": Reply(
        json.dumps({"id": "r1", "choices": [{"index": 0, "message": {"content": "Hello, wörld 🪟!"}, "finish_reason": "stop"}], "usage": OPENAI_USAGE}),
        usage=Usage(20, 9),
        content_type="application/json",
    ),
    "two calls with one number": Reply(
        events(chunk(call("c1", "look", '{"p":"a"}')), chunk(call("c2", "look", '{"p":"b"}')), chunk({}, "tool_calls")),
        text="", calls={"c1": '{"p":"a"}', "c2": '{"p":"b"}'}, reason=FinishReason.TOOL_CALLS,
    ),
    "arguments as an object": Reply(
        events(chunk(call("c1", "look", '{"p":"a"}')), chunk(call("c2", "look", {"p": "b"})), chunk({}, "tool_calls")),
        text="", calls={"c1": '{"p":"a"}', "c2": '{"p":"b"}'}, reason=FinishReason.TOOL_CALLS,
    ),
    "calls without numbers": Reply(
        events(chunk(call("c1", "look", '{"p":"a"}', None)), chunk({}, "stop")), text="", calls={"c1": '{"p":"a"}'},
    ),
    "a call that repeats its id": Reply(
        events(chunk(call("c1", "look", '{"p"')), chunk(call("c1", None, ':"a"}')), chunk({}, "tool_calls")),
        text="", calls={"c1": '{"p":"a"}'}, reason=FinishReason.TOOL_CALLS,
    ),
}  # fmt: skip

ENDS = {
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "eos": FinishReason.STOP,
    "something new": FinishReason.OTHER,
}
FAILED_ENDS = ("error", "abort", "network_error", "insufficient_system_resource", "cancelled")


def message(
    *blocks: tuple[dict[str, Any], list[dict[str, Any]]], stop: str | None = "end_turn", usage: object = None
) -> str:
    """An answer of Anthropic's as an event stream."""
    start = {"type": "message_start", "message": {"id": "m1", "model": "claude", "content": [], "usage": usage}}
    told: list[dict[str, Any]] = [start, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        told.append({"type": "content_block_start", "index": index, "content_block": block})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    told.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 9}})
    told.append({"type": "message_stop"})
    return "".join(f"event: {each['type']}\ndata: {json.dumps(each, ensure_ascii=False)}\n\n" for each in told)


def text_block(*texts: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": text} for text in texts]


WORDS = text_block("Hel", "lo, wö", "rld 🪟", "!")
FOUND = [{"type": "web_search_result", "title": "A page"}]

ANTHROPIC: dict[str, Reply] = {
    "anthropic": Reply(
        message(({"type": "thinking", "thinking": "", "signature": ""}, [{"type": "thinking_delta", "thinking": "Hm"}]), WORDS,
                usage={"input_tokens": 20, "output_tokens": 1, "cache_creation_input_tokens": 3}),
        reasoning="Hm", usage=Usage(23, 9),
    ),
    "usage that is null": Reply(message(WORDS), usage=Usage(None, 9)),
    "citations": Reply(
        message((WORDS[0], [*WORDS[1], {"type": "citations_delta", "citation": {"url": "https://example.com"}}])), usage=Usage(None, 9)
    ),
    "max_tokens": Reply(message(WORDS, stop="max_tokens"), reason=FinishReason.LENGTH, usage=Usage(None, 9)),
    "model_context_window_exceeded": Reply(message(WORDS, stop="model_context_window_exceeded"), reason=FinishReason.LENGTH, usage=Usage(None, 9)),
    "pause_turn": Reply(message(WORDS, stop="pause_turn"), reason=FinishReason.PAUSED, usage=Usage(None, 9)),
    "refusal": Reply(message(WORDS, stop="refusal"), reason=FinishReason.REFUSED, usage=Usage(None, 9)),
    "stop_sequence": Reply(message(WORDS, stop="stop_sequence"), usage=Usage(None, 9)),
    "a tool that the provider runs": Reply(
        message(
            ({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}, [{"type": "input_json_delta", "partial_json": '{"q":"x"}'}]),
            ({"type": "web_search_tool_result", "tool_use_id": "s1", "content": FOUND}, []),
            WORDS,
        ),
        calls={"s1": '{"q":"x"}'}, results={"s1": json.dumps(FOUND, separators=(",", ":"))}, usage=Usage(None, 9),
    ),
    "a result without its call": Reply(
        message(({"type": "web_search_tool_result", "tool_use_id": "s1", "content": FOUND}, []), WORDS),
        calls={"s1": "{}"}, results={"s1": json.dumps(FOUND, separators=(",", ":"))}, usage=Usage(None, 9),
    ),
    "a whole message, though a stream was asked for": Reply(
        json.dumps({"type": "message", "id": "m1", "content": [{"type": "text", "text": "Hello, wörld 🪟!"}], "stop_reason": "end_turn"}),
        content_type="application/json",
    ),
}  # fmt: skip
