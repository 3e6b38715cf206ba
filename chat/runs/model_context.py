"""What a model is told of a conversation: the instructions, what lasts, a compaction, and what follows it, as turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.runs import fitting, message_turns
from chat.runs.rooms import Room
from db import compactions, messages, outlines, runs
from db.models import Agent, Message
from db.outlines import Outlined
from llm.turns import Text, Turn

_IN_SHORT = "This conversation began earlier. What was said so far, in short:\n\n"
_AT_ONCE = 0.9
"""The share of the room that a model reads of a conversation, with what is in short already, to put it in short."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a model would be told next on a path."""

    session_id: UUID
    branch: int
    stop: int
    """The depth of the first message that is not told."""
    lasting: Sequence[Message]
    """What every model is told of the messages that are told in short."""
    base: Message | None
    """The last message of the part that is told in short; its compaction is what is told."""
    outline: Sequence[Outlined]
    """What follows."""
    weight: int
    """How much it is, in bytes."""
    through: int | None
    """The depth up to which it has to be told in short first, so that it fits; None where it fits, or cannot."""

    @property
    def start(self) -> int:
        """The depth of the first message that is told as it is."""
        return 0 if self.base is None else self.base.depth + 1


async def of(
    tx: AsyncSession,
    session_id: UUID,
    branch: int,
    stop: int,
    agent: Agent | None,
    room: Room,
    *,
    whole_from: int | None = None,
) -> Context:
    """What a model would be told of the messages before a depth of a branch's path; whole from `whole_from` on."""
    base = await compactions.newest(tx, session_id, branch, stop if whole_from is None else whole_from)
    start = 0 if base is None else base.depth + 1
    outline = await outlines.of(tx, session_id, branch, range(start, stop))
    lasting = await messages.lasting(tx, session_id, branch, start) if start else []
    in_short = sum(map(_size, _in_short(base)))
    beside = _size(agent.instructions if agent else None) + in_short
    beside += sum(_size(message.content) + outlines.TURN for message in lasting)
    weight = beside + sum(each.weight for each in outline)
    at_once = room.bytes * _AT_ONCE - in_short
    through = fitting.through(outline, room.bytes, beside=beside, at_once=at_once)
    return Context(session_id, branch, stop, lasting, base, outline, weight, through)


async def before(tx: AsyncSession, reply: Message, agent: Agent | None, room: Room) -> Context:
    """What a model would be told for a reply; one that is taken up is told what it said.

    What it answers is told as it is, whatever stands with that, or with what there is of the reply, to be told later.

    The room learns what the provider has counted last in this session, if it might be too small.
    """
    where = reply.session_id, reply.branch, reply.depth + bool(reply.parts), agent, room
    question = max(0, reply.depth - 1)
    context = await of(tx, *where, whole_from=question)
    if room.is_measured or context.weight <= room.size:  # no token has less than a byte
        return context
    if (counted := await runs.last_count(tx, reply.session_id)) is not None:
        room.counted(*counted)
    room.is_measured = True
    return await of(tx, *where, whole_from=question)


async def turns(tx: AsyncSession, context: Context) -> tuple[Turn, ...]:
    """What is told, the oldest first."""
    path = await messages.path(tx, context.session_id, context.branch, range(context.start, context.stop))
    # A person's turn, because that is whose words a summary repeats: no more trust is due to it than to them.
    in_short = [Turn("user", (Text(text),)) for text in _in_short(context.base)]
    return (*_of(context.lasting), *in_short, *_of(path))


def _in_short(base: Message | None) -> Iterator[str]:
    if base is not None and base.compaction is not None:
        yield _IN_SHORT + base.compaction["text"]


def _of(path: Sequence[Message]) -> Iterator[Turn]:
    return (turn for message in path if message.deleted_at is None for turn in message_turns.turns(message))


def _size(text: str | None) -> int:
    return 0 if text is None else len(text.encode())
