"""Asking for a reply: the empty message, and the run that will write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat.conversation import placement
from chat.refusals import Busy, NotFound
from chat.scope import Scope
from db import messages, runs, sessions
from db.models import Executor, Message, MessageRole, MessageStatus, Run, RunStatus, Session


class WhenBusy(StrEnum):
    """What to do where the session has a run that is not over."""

    QUEUE = "queue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that was asked for."""

    message: Message
    run: Run
    interrupted: Sequence[UUID] = ()
    """The runs that are to stop in its favour."""


async def reply(
    tx: AsyncSession,
    scope: Scope,
    session: Session,
    parent: Message,
    *,
    when_busy: WhenBusy = WhenBusy.QUEUE,
    executor: Executor = Executor.SERVER,
    run_id: UUID | None = None,
    agent_id: UUID | None = None,
) -> Reply:
    """Stores an empty reply to `parent`, which is in the session, and a queued run. The session's row must be locked.

    Its branch is the one that was written to last, whoever writes it; `placing.follow` shows it to who asks for it.

    Raises:
        Busy: a run is not over, and `when_busy` is `REJECT`.
        sqlalchemy.exc.IntegrityError: the run's id is taken.
    """
    active = [run for run in await runs.active(tx, [session.id]) if not run.parallel]
    if active and when_busy is WhenBusy.REJECT:
        raise Busy(active[0].id)
    stops = _in_the_way(active) if when_busy is WhenBusy.INTERRUPT else []
    queued = [run.position for run in active if run.status is RunStatus.QUEUED]
    place = await placement.after(tx, session, parent)
    if not await sessions.take(tx, session, len(stops) + 2, messages=1, branch=place.branch):
        raise NotFound("session")
    for number, run in enumerate(stops, start=session.head - len(stops) - 1):
        await runs.request_cancel(tx, run.id, number)
    new_run_id = run_id or uuid7()
    message = Message(
        id=uuid7(),
        session_id=session.id,
        parent_id=place.parent_id,
        branch=place.branch,
        depth=place.depth,
        role=MessageRole.ASSISTANT,
        status=MessageStatus.PENDING,
        run_id=new_run_id,
        seq=session.head - 1,
    )
    run = Run(
        id=new_run_id,
        session_id=session.id,
        message_id=message.id,
        agent_id=agent_id or session.agent_id,
        requested_by=scope.viewer.id,
        executor=executor,
        position=min(queued) - 1 if stops and queued else session.head,
        parallel=when_busy is WhenBusy.PARALLEL,
        seq=session.head,
    )
    await messages.add(tx, message)
    await runs.add(tx, run)
    return Reply(message, run, [run.id for run in stops])


def _in_the_way(active: Sequence[Run]) -> Sequence[Run]:
    """What is being written, or would be as soon as a process has claimed it; in the order in which runs are locked."""
    producing = [run for run in active if run.status is not RunStatus.QUEUED]
    return sorted(producing or active[:1], key=lambda run: run.id)
