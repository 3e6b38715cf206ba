"""What a model is told of a conversation: the path from the root to the message that it answers."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from db import branches, messages
from db.models import Json, Message, MessageRole
from llm.turns import File, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn

LENGTH = 400
"""Messages that a model is told at most, the newest of the path."""


async def before(tx: AsyncSession, reply: Message) -> tuple[Turn, ...]:
    """The turns of the path that leads to a reply, the oldest first."""
    branch = await branches.get(tx, reply.session_id, reply.branch)
    assert branch is not None
    path = await messages.path(tx, branch, range(max(0, reply.depth - LENGTH), reply.depth))
    return tuple(turn for message in path if message.deleted_at is None for turn in turns(message))


def turns(message: Message) -> Iterator[Turn]:
    """The turns that a message stands for: one, or several where tools were called in it."""
    for role, parts in _runs(message):
        if converted := tuple(part for part in map(_part, parts) if part is not None):
            yield Turn(role, converted)


def _runs(message: Message) -> Iterable[tuple[Role, Sequence[Json]]]:
    """The parts, split wherever results of tools begin or end."""
    role: Role = _ROLES[message.role]
    group: list[Json] = []
    results = False
    for part in message.parts:
        if (part["kind"] == "toolResult") is not results:
            yield ("tool" if results else role), group
            group, results = [], not results
        group.append(part)
    yield ("tool" if results else role), group


_ROLES: dict[MessageRole, Role] = {
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.SYSTEM: "system",
    MessageRole.TOOL: "tool",
}


def _part(part: Json) -> Part | None:
    match part["kind"]:
        case "text":
            return Text(part["text"]) if part["text"] else None
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
