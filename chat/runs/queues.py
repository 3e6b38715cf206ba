"""The queue of a session: what waits in it can be changed, and put in another order. `runs.cancel` takes it out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import validation
from chat.conversation import compactions, edits, locks, sessions
from chat.quotas import quotas, sizes
from chat.refusals import InvalidInput, NotAllowed
from chat.scope import Scope, made
from db import memberships, messages, runs
from db import sessions as session_rows
from db.models import Message, Run, RunStatus, Session
from sync import parts


async def of(scope: Scope, session_id: UUID) -> Sequence[Run]:
    """The runs of a session that wait for each other, the next one first."""
    async with scope.tx() as tx:
        return await runs.queued(tx, session_id)


async def edit(scope: Scope, run_id: UUID, text: str) -> tuple[Message, Run]:
    """Changes the text of the message that a queued run will answer. Its author may, in any window; the last one wins.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer did not write the message, or may only read the session.
        InvalidInput: the text cannot be used, the run is not queued any more, or the message has another answer.
        QuotaExceeded: there is no room for the text.
    """
    text = validation.text("text", text)
    async with scope.write() as tx:
        made(tx, run=run_id)
        await sizes.check(tx, scope, text=text, on=run_id)
        earlier = await quotas.weigh(tx, scope)
        session, run = await _queued(tx, scope, run_id)
        message = await _question(tx, run)
        if message.author_id != scope.viewer.id:
            raise NotAllowed("Only who wrote a message can change it.")
        if await runs.answered(tx, message.id):
            raise InvalidInput("id", "This message has an answer already. Send another one instead.")
        session = await compactions.outdate(tx, session, message)
        session = await session_rows.advance(tx, session.id, **edits.retold(session, message, text)) or session
        values = {"parts": parts.reworded(message.parts, text), "content": text}
        message = await edits.replace(tx, scope, message, session.head, values)
        await quotas.fit(tx, scope, earlier)
        heads = await memberships.touch(tx, session.id)
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return message, run


async def move(scope: Scope, run_id: UUID, before: UUID | None) -> Sequence[Run]:
    """Puts a queued run before another one, or last; returns the queue, next first.

    Where the runs answer messages that follow each other on one path, the messages change places with them.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: one of the runs is not queued any more.
    """
    async with scope.write() as tx:
        made(tx, run=run_id)
        session, run = await _queued(tx, scope, run_id)
        queue = await runs.queued(tx, session.id)
        order = _reordered(queue, run, before)
        moved = [(was, now) for was, now in zip(queue, order, strict=True) if was is not now]
        if not moved:
            return queue
        first, last = queue.index(moved[0][0]), queue.index(moved[-1][0])
        places = [each.position for each in queue[first : last + 1]]
        turns = [await _turn(tx, each) for each in queue[first : last + 1]]
        session = await session_rows.advance(tx, session.id, len(places)) or session
        seqs = range(session.head - len(places) + 1, session.head + 1)
        for each, position, seq in zip(order[first : last + 1], places, seqs, strict=True):
            await runs.put(tx, each.id, seq, position)
        if (path := await _path(tx, turns)) is not None:
            now = {turn.reply.run_id: turn for turn in turns}
            session = await _lay(tx, session, path, [now[each.id] for each in order[first : last + 1]])
        queue = await runs.queued(tx, session.id)
        heads = await memberships.touch(tx, session.id)  # the path may have another leaf now
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return queue


@dataclass(frozen=True, slots=True)
class _Turn:
    """A message, and the empty reply to it."""

    question: Message
    reply: Message


async def _queued(tx: AsyncSession, scope: Scope, run_id: UUID) -> tuple[Session, Run]:
    """A run that is queued, and stays so to the commit, because its session's row is locked now."""
    (session, _), run = await locks.run(tx, scope, run_id)
    if run.status is not RunStatus.QUEUED:
        raise InvalidInput("id", "The run is not queued any more.")
    return session, run


async def _question(tx: AsyncSession, run: Run) -> Message:
    reply = await messages.get(tx, run.message_id)
    question = None if reply is None or reply.parent_id is None else await messages.get(tx, reply.parent_id)
    if question is None:
        raise InvalidInput("id", "The run answers no message that could be changed.")
    return question


async def _turn(tx: AsyncSession, run: Run) -> _Turn:
    reply = await messages.get(tx, run.message_id)
    assert reply is not None
    return _Turn(await _question(tx, run), reply)


def _reordered(queue: Sequence[Run], run: Run, before: UUID | None) -> list[Run]:
    ids = [each.id for each in queue]
    if run.id not in ids:
        raise InvalidInput("id", "The run waits for no other one, so it has no place in the queue.")
    if before is not None and before not in ids:
        raise InvalidInput("beforeId", "That run is not queued any more.")
    (moving,) = [each for each in queue if each.id == run.id]
    if before == run.id:
        return list(queue)
    order = [each for each in queue if each is not moving]
    order.insert(len(order) if before is None else [each.id for each in order].index(before), moving)
    return order


@dataclass(frozen=True, slots=True)
class _Path:
    """The places of several turns that follow each other: what is above, where they begin, and what is below."""

    parent_id: UUID | None
    depth: int
    below: Sequence[Message]


async def _path(tx: AsyncSession, turns: Sequence[_Turn]) -> _Path | None:
    """Where these turns are, if they follow each other on one branch, and nothing leaves it between them."""
    line = [message for turn in turns for message in (turn.question, turn.reply)]
    follow = not any(turn.reply.parts for turn in turns) and all(
        lower.parent_id == upper.id and lower.branch == upper.branch and lower.depth == upper.depth + 1
        for upper, lower in pairwise(line)
    )
    if not follow:
        return None
    children = await messages.children(tx, [message.id for message in line])
    ids = {message.id for message in line}
    below = [child for child in children if child.id not in ids]
    alone = all(child.parent_id == line[-1].id and child.branch == line[-1].branch for child in below)
    return _Path(line[0].parent_id, line[0].depth, below) if alone else None


async def _lay(tx: AsyncSession, session: Session, path: _Path, turns: Sequence[_Turn]) -> Session:
    """Puts turns on a path in a new order, and what is below them under the last one."""
    line = [message for turn in turns for message in (turn.question, turn.reply)]
    session = await compactions.outdate(tx, session, min(line, key=lambda message: message.depth))
    session = await session_rows.advance(tx, session.id, len(line) + len(path.below)) or session
    seq = session.head - len(line) - len(path.below)
    await messages.lift(tx, [message.id for message in line])
    parent_id = path.parent_id
    for depth, message in enumerate(line, start=path.depth):
        seq += 1
        await messages.change(tx, message.id, seq, {"parent_id": parent_id, "depth": depth})
        parent_id = message.id
    for message in path.below:
        seq += 1
        await messages.change(tx, message.id, seq, {"parent_id": parent_id})
    return session
