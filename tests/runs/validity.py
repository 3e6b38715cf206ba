"""What providers insist on, as strictly as the strictest of them does; each check fails with what is wrong."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from db.models import Json, Message, MessageRole, MessageStatus
from llm.turns import Reasoning, Text, ToolCall, ToolResult, Turn
from sync import parts

FIELDS = {
    "text": {"kind", "text"},
    "reasoning": {"kind", "text"},
    "toolCall": {"kind", "id", "name", "text"},
    "toolResult": {"kind", "callId", "name", "text", "isError"},
    "file": {"kind", "url", "mediaType", "name"},
    "data": {"kind", "name", "value"},
}
ENDS = {MessageStatus.COMPLETE, MessageStatus.ERROR, MessageStatus.CANCELLED, MessageStatus.INTERRUPTED}
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,40}")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_path(rows: Sequence[Message]) -> None:
    """A path of stored messages, none of which is being written."""
    assert len({row.id for row in rows}) == len(rows)
    assert [row.parent_id for row in rows] == [None, *(row.id for row in rows[:-1])]
    assert [row.depth for row in rows] == list(range(len(rows)))
    roles = [MessageRole.USER, MessageRole.ASSISTANT]
    assert [row.role for row in rows] == [roles[depth % 2] for depth in range(len(rows))]
    for row in rows:
        assert row.status in ENDS
        assert row.content == parts.content(row.parts)
        check_parts(row.parts)
        if row.role is MessageRole.USER:
            assert row.content.strip()


def check_parts(whole: Sequence[Json]) -> None:
    """The parts of a message that is over: every call has one result, which comes after it."""
    open_calls: list[tuple[str, str]] = []
    for part in whole:
        assert set(part) == FIELDS[part["kind"]]
        if part["kind"] == "toolCall":
            open_calls.append((part["id"], part["name"]))
        elif part["kind"] == "toolResult":
            assert (part["callId"], part["name"]) in open_calls, f"no call of {part} is open"
            open_calls.remove((part["callId"], part["name"]))
    assert open_calls == []


def check_turns(turns: Sequence[Turn]) -> None:
    """What a model is told: a person begins and ends it, nothing in it is empty, and every call is answered."""
    assert (turns[0].role, turns[-1].role) == ("user", "user")
    before = None
    open_calls: list[str] = []
    for turn in turns:
        assert turn.parts
        assert turn.role != before or turn.role == "user", f"two turns of {turn.role}"
        assert turn.role != "tool" or before == "assistant"
        for part in turn.parts:
            match part:
                case Text(text) | Reasoning(text):
                    assert turn.role in ("user", "assistant")
                    assert text
                    assert text.strip() or isinstance(part, Reasoning)
                case ToolCall(id):
                    assert turn.role == "assistant"
                    open_calls.append(id)
                case ToolResult(call_id):
                    assert turn.role == "tool"
                    open_calls.remove(call_id)
        before = turn.role
    assert open_calls == []


@dataclass
class Calls:
    """The calls of a request to a provider: an id is used once, and answered where the provider looks for it."""

    used: set[str]
    due: list[str]

    @classmethod
    def none(cls) -> "Calls":
        return cls(set(), [])

    def made(self, id: str, name: str, arguments: object) -> None:
        assert IDENTIFIER.fullmatch(id)
        assert NAME.fullmatch(name)
        assert isinstance(arguments, dict)
        assert id not in self.used
        self.used.add(id)
        self.due.append(id)

    def answered(self, id: str) -> None:
        assert id in self.due, f"{id} was not called just before"
        self.due.remove(id)


def check_openai(body: Json) -> None:
    """A request of the chat completions protocol."""
    calls = Calls.none()
    said = [message for message in body["messages"] if message["role"] != "system"]
    assert body["messages"][len(body["messages"]) - len(said) :] == said, "a system message in the middle"
    assert (said[0]["role"], said[-1]["role"]) == ("user", "user")
    before = None
    for message in said:
        role = message["role"]
        if role == "tool":
            calls.answered(message["tool_call_id"])
        else:
            assert calls.due == []
            assert role != before
        made = message.get("tool_calls", [])
        assert _is_said(message["content"]) or (made and message["content"] is None)
        for call in made:
            calls.made(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        before = role


def check_anthropic(body: Json) -> None:
    """A request of the messages protocol."""
    calls = Calls.none()
    declared = {tool["name"] for tool in body.get("tools", [])}
    roles = ["user", "assistant"]
    assert [message["role"] for message in body["messages"]] == [
        roles[number % 2] for number in range(len(body["messages"]))
    ]
    assert body["messages"][-1]["role"] == "user"
    for message in body["messages"]:
        assert message["content"]
        results = [block for block in message["content"] if block["type"] == "tool_result"]
        assert results == message["content"][: len(results)], "results come first"
        for result in results:
            calls.answered(result["tool_use_id"])
            assert _is_said(result["content"])
        assert calls.due == []
        for block in message["content"][len(results) :]:
            match block:
                case {"type": "text", "text": text}:
                    assert text.strip()
                case {"type": "tool_use", "id": id, "name": name, "input": arguments}:
                    assert message["role"] == "assistant"
                    assert name in declared
                    calls.made(id, name, arguments)
                case _:
                    raise AssertionError(block)


def _is_said(content: str | Iterable[Any] | None) -> bool:
    """Whether some content has something in it, all through."""
    if content is None or isinstance(content, str):
        return bool(content and content.strip())
    blocks = list(content)
    return bool(blocks) and all(block["type"] != "text" or block["text"].strip() for block in blocks)
