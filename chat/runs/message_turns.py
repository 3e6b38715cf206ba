"""Messages as a model is told them, and what there is to read of a path."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import messages
from db.models import Json, Message, MessageRole, MessageStatus
from llm.turns import File, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn

LENGTH = 400
"""Messages that a summary is of, the newest of the path."""


async def said(tx: AsyncSession, session_id: UUID, number: int) -> Sequence[Message]:
    """What there is to read of a branch's path, in messages that are whole: the newest `LENGTH`, the oldest first."""
    last = await messages.last(tx, session_id, number)
    if last is None:
        return []
    path = await messages.path(tx, session_id, last.branch, range(max(0, last.depth + 1 - LENGTH), last.depth + 1))
    unfinished = (MessageStatus.PENDING, MessageStatus.STREAMING)
    whole = (message for message in path if not message.is_withdrawn and message.status not in unfinished)
    return [message for message in whole if message.content.strip()]


def turns(message: Message) -> Iterator[Turn]:
    """The turns that a message stands for: one, or several where tools were called in it."""
    said = [part for part in map(_part, message.parts) if part is not None]
    for results, some in groupby(said, key=lambda part: isinstance(part, ToolResult)):
        yield Turn("tool" if results else _ROLES[message.role], tuple(some))


_ROLES: dict[MessageRole, Role] = {
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.SYSTEM: "system",
    MessageRole.TOOL: "tool",
}


def _part(part: Json) -> Part | None:
    match part["kind"]:
        case "text":
            return Text(part["text"]) if part["text"].strip() else None
        case "reasoning":
            return Reasoning(part["text"]) if part["text"] else None
        case "toolCall":
            return ToolCall(part["id"], part["name"], part["text"] or "{}")
        case "toolResult":
            return ToolResult(part["callId"], part["name"], part["text"], part["isError"])
        case "file":
            return File(part["url"], part["mediaType"], part["name"])
        case _:
            return None
