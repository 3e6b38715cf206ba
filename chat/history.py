"""What a model is told of a conversation: the path from the root to the message that it answers."""

from collections.abc import Iterator, Sequence
from itertools import dropwhile, groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import branches, messages
from db.models import Json, Message, MessageRole, MessageStatus
from llm.turns import File, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn

LENGTH = 400
"""Messages that a model is told, the newest of the path, besides what the system says and what a session began with."""


async def before(tx: AsyncSession, reply: Message) -> tuple[Turn, ...]:
    """The turns of the path that leads to a reply, the oldest first."""
    branch = await branches.get(tx, reply.session_id, reply.branch)
    assert branch is not None
    start = max(0, reply.depth - LENGTH)
    path = await messages.path(tx, branch, range(start, reply.depth))
    if start:
        lasting = _with_answers(await messages.lasting(tx, branch, start))
        path = [*lasting, *dropwhile(lambda message: message.role is MessageRole.ASSISTANT, path)]
    return tuple(turn for message in path if message.deleted_at is None for turn in turns(message))


def _with_answers(lasting: Sequence[Message]) -> Sequence[Message]:
    """Without a question at the end, whose answer does not last."""
    last = next((message for message in reversed(lasting) if message.role is not MessageRole.SYSTEM), None)
    if last is None or last.role is not MessageRole.USER:
        return lasting
    return _with_answers([message for message in lasting if message is not last])


async def said(tx: AsyncSession, session_id: UUID, number: int) -> Sequence[Message]:
    """What there is to read of a branch's path, in messages that are whole: the newest `LENGTH`, the oldest first."""
    last = await messages.last(tx, session_id, number)
    branch = None if last is None else await branches.get(tx, session_id, last.branch)
    if last is None or branch is None:
        return []
    path = await messages.path(tx, branch, range(max(0, last.depth + 1 - LENGTH), last.depth + 1))
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
