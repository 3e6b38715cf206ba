"""Runs: claimed, leased, ended. Every change of status is guarded by the status it comes from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements
from db.models import ACTIVE, Delta, Executor, MemberRole, Message, Run, RunStatus, Session
from db.reader import Reader, Statement
from db.statements import Columns

_OPTIONS: dict[str, Any] = {"synchronize_session": False, "populate_existing": True}
_PRODUCING = (RunStatus.RUNNING, RunStatus.AWAITING_INPUT)


_COLUMNS = Columns(Run, "run")

_ACTIVE = f"""
    SELECT {_COLUMNS.sql} FROM runs AS run
    WHERE session_id = ANY ($1::uuid[]) AND status IN ('queued', 'running', 'awaiting_input')
    ORDER BY position, id
"""

_HOLD = f"""
    UPDATE runs AS run SET lease_until = CASE status WHEN 'running' THEN now() + $3::interval END
    WHERE id = $1 AND epoch = $2 AND status IN ('running', 'awaiting_input') RETURNING {_COLUMNS.sql}
"""


async def add(tx: AsyncSession, run: Run) -> Run:
    """Stores a new run; the object then says what is stored.

    Raises:
        sqlalchemy.exc.IntegrityError: its id is taken.
    """
    return await _COLUMNS.insert(tx, run)


async def get(tx: AsyncSession, run_id: UUID) -> Run | None:
    """The run, if the transaction may see it."""
    return await tx.get(Run, run_id)


_ROLE = Statement.of(
    """
    SELECT member.role
    FROM runs JOIN sessions ON sessions.id = runs.session_id
    JOIN memberships AS member ON member.session_id = runs.session_id AND member.user_id = $1
    WHERE runs.id = $2::uuid AND sessions.deleted_at IS NULL
    """,
    asyncpg.Record,
)


async def role(reader: Reader, run_id: UUID) -> MemberRole | None:
    """What the reader's viewer may do in the session of a run; None where there is no such run for the viewer."""
    found = await reader.all(_ROLE, run_id)
    return MemberRole(found[0]["role"]) if found else None


async def current(tx: AsyncSession, run_id: UUID) -> Run | None:
    """The run as it is by now, whatever the transaction has read of it before."""
    return await tx.get(Run, run_id, populate_existing=True)


_LAST_COUNT = """
    SELECT told_bytes, (usage ->> 'inputTokens')::int FROM runs
    WHERE session_id = $1 AND told_bytes IS NOT NULL AND usage ->> 'inputTokens' IS NOT NULL
    ORDER BY seq DESC LIMIT 1
"""


async def last_count(tx: AsyncSession, session_id: UUID) -> tuple[int, int] | None:
    """The bytes that a model was told last in a session, and how many tokens its provider has counted in them."""
    found = await statements.first(tx, _LAST_COUNT, session_id)
    return None if found is None else (found[0], found[1])


async def of_ids(tx: AsyncSession, run_ids: Sequence[UUID]) -> Mapping[UUID, Run]:
    """Those of the runs that exist, in sessions that are not deleted."""
    query = select(Run).join(Session, Session.id == Run.session_id)
    found = await tx.scalars(query.where(Run.id.in_(run_ids), Session.deleted_at.is_(None)))
    return {run.id: run for run in found}


async def active(tx: AsyncSession, session_ids: Sequence[UUID]) -> Sequence[Run]:
    """The runs of these sessions that are not over, in the order in which they are executed."""
    return [_COLUMNS.row(found) for found in await statements.fetch(tx, _ACTIVE, session_ids)]


async def queued(tx: AsyncSession, session_id: UUID) -> Sequence[Run]:
    """The runs of a session that wait for each other, the next one first."""
    query = (
        select(Run)
        .where(Run.session_id == session_id, Run.status == RunStatus.QUEUED, ~Run.parallel)
        .order_by(Run.position, Run.id)
    )
    return (await tx.scalars(query, execution_options={"populate_existing": True})).all()


async def put(tx: AsyncSession, run_id: UUID, seq: int, position: float) -> None:
    """Gives a run another place in the queue."""
    query = update(Run).where(Run.id == run_id).values(seq=seq, position=position)
    await tx.execute(query, execution_options={"synchronize_session": False})


async def answered(tx: AsyncSession, message_id: UUID) -> bool:
    """Whether anything has been written in answer to a message, or is being written."""
    query = (
        select(Run.id)
        .join(Message, Run.message_id == Message.id)
        .where(Message.parent_id == message_id, Run.status != RunStatus.QUEUED, Run.epoch > 0)
        .limit(1)
    )
    return (await tx.scalars(query)).one_or_none() is not None


def _before(other: type[Run], run: type[Run] | Run) -> ColumnElement[bool]:
    """Whether another run that is not over holds this one up: it is being produced, or earlier in the queue."""
    return (
        ~other.parallel
        & (other.id != run.id)
        & (other.status.in_(_PRODUCING) | (tuple_(other.position, other.id) < tuple_(run.position, run.id)))
    )


async def next_in_session(tx: AsyncSession, run: Run) -> bool:
    """Whether nothing holds a run of a producer outside up."""
    query = select(Run.id).where(Run.session_id == run.session_id, Run.status.in_(ACTIVE), _before(Run, run))
    return run.parallel or (await tx.scalars(query.limit(1))).one_or_none() is None


_NEXT = """
    run.status = 'queued' AND run.executor = 'server' AND sessions.deleted_at IS NULL
    AND (run.parallel OR NOT EXISTS (
        SELECT FROM runs AS other
        WHERE other.session_id = run.session_id AND other.status IN ('queued', 'running', 'awaiting_input')
        AND NOT other.parallel AND other.id <> run.id
        AND (other.status IN ('running', 'awaiting_input') OR (other.position, other.id) < (run.position, run.id))
    ))
"""

_CLAIMABLE = f"""
    SELECT run.id, run.session_id FROM runs AS run JOIN sessions ON sessions.id = run.session_id
    WHERE {_NEXT} ORDER BY run.id LIMIT $1 FOR NO KEY UPDATE OF sessions SKIP LOCKED
"""


async def claimable(tx: AsyncSession, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """`(run, session)` of queued runs that are next in their session, oldest first.

    Locks the sessions' rows to the commit; those that another transaction holds are passed over.
    """
    return [(found[0], found[1]) for found in await statements.fetch(tx, _CLAIMABLE, limit)]


_WAITING = f"""
    SELECT FROM runs AS run JOIN sessions ON sessions.id = run.session_id WHERE {_NEXT} LIMIT 1
"""


async def waiting(tx: AsyncSession) -> bool:
    """Whether any queued run could be claimed."""
    return await statements.first(tx, _WAITING) is not None


async def is_queued(tx: AsyncSession, run_id: UUID) -> bool:
    """Whether the run waits by now, whatever the transaction has read of it before."""
    return await statements.first(tx, "SELECT FROM runs WHERE id = $1 AND status = 'queued'", run_id) is not None


_CLAIM = f"""
    UPDATE runs AS run SET seq = $2, status = 'running', epoch = epoch + 1, producer = $3,
        lease_until = now() + $4::interval, started_at = coalesce(started_at, now())
    WHERE id = $1 AND status = ANY ($5::text[]) RETURNING {_COLUMNS.sql}
"""


async def claim(
    tx: AsyncSession,
    run_id: UUID,
    seq: int,
    producer: str,
    lease: timedelta,
    *,
    of: Sequence[RunStatus] = (RunStatus.QUEUED,),
) -> Run | None:
    """Takes a run in one of these statuses: it is running from now, in its next epoch. None where it is in another."""
    found = await statements.first(tx, _CLAIM, run_id, seq, producer, lease, [status.value for status in of])
    return None if found is None else _COLUMNS.row(found)


async def unheard(tx: AsyncSession, producer: str, known: Collection[UUID], lease: timedelta) -> Run | None:
    """A run that a producer has claimed and written nothing of, other than those that it knows of; with a new lease."""
    written = exists().where(Delta.run_id == Run.id, Delta.epoch == Run.epoch)
    claimed = select(Run.id).where(
        Run.status == RunStatus.RUNNING, Run.producer == producer, Run.id.not_in(known), ~written
    )
    query = (
        update(Run)
        .where(Run.id == claimed.limit(1).with_for_update(key_share=True).scalar_subquery())
        .values(lease_until=func.now() + lease)
        .returning(Run)
    )
    return (await tx.scalars(query, execution_options=_OPTIONS)).one_or_none()


async def renew(tx: AsyncSession, producer: str, run_ids: Collection[UUID], lease: timedelta) -> set[UUID]:
    """Renews a producer's leases of these runs in one statement; returns the runs that are still its own.

    Locks their rows in the order of their ids, as everybody does who locks several.
    """
    mine = select(Run.id).where(Run.id.in_(run_ids), Run.producer == producer, Run.status.in_(_PRODUCING))
    locked = mine.order_by(Run.id).with_for_update(key_share=True).cte("locked")
    query = update(Run).where(Run.id.in_(select(locked.c.id))).values(lease_until=func.now() + lease).returning(Run.id)
    return set(await tx.scalars(query, execution_options=_OPTIONS))


async def hold(tx: AsyncSession, run_id: UUID, epoch: int, lease: timedelta) -> Run | None:
    """Renews the lease of a run that is produced in this epoch, and locks its row. None where it is not.

    A run that awaits input has no lease to renew.
    """
    held = await statements.first(tx, _HOLD, run_id, epoch, lease)
    return None if held is None else _COLUMNS.row(held)


async def wait_for_input(tx: AsyncSession, run_id: UUID, seq: int, question: Mapping[str, Any]) -> Run:
    """Has a run wait for a person, without a lease that could expire."""
    query = (
        update(Run)
        .where(Run.id == run_id, Run.status == RunStatus.RUNNING)
        .values(seq=seq, status=RunStatus.AWAITING_INPUT, question=dict(question), lease_until=None)
        .returning(Run)
    )
    return (await tx.scalars(query, execution_options=_OPTIONS)).one()


async def go_on(tx: AsyncSession, run_id: UUID, seq: int, answered: Mapping[str, Any], lease: timedelta) -> Run:
    """Has a run go on that waited for a person."""
    query = (
        update(Run)
        .where(Run.id == run_id, Run.status == RunStatus.AWAITING_INPUT)
        .values(seq=seq, status=RunStatus.RUNNING, question=dict(answered), lease_until=func.now() + lease)
        .returning(Run)
    )
    return (await tx.scalars(query, execution_options=_OPTIONS)).one()


async def request_cancel(tx: AsyncSession, run_id: UUID, seq: int) -> Run | None:
    """Asks for an end of the run; asking again changes nothing. None where the run is over."""
    query = (
        update(Run)
        .where(Run.id == run_id, Run.status.in_(ACTIVE))
        .values(seq=seq, cancel_requested_at=func.coalesce(Run.cancel_requested_at, func.now()))
        .returning(Run)
    )
    return (await tx.scalars(query, execution_options=_OPTIONS)).one_or_none()


async def end(
    tx: AsyncSession, run_id: UUID, epoch: int, seq: int, status: RunStatus, values: Mapping[str, Any]
) -> Run | None:
    """Ends a run for good. None where it is over already, or a producer of a later epoch has it."""
    query = (
        update(Run)
        .where(Run.id == run_id, Run.epoch == epoch, Run.status.in_(ACTIVE))
        .values(seq=seq, status=status, finished_at=func.now(), lease_until=None, **values)
        .returning(Run)
    )
    return (await tx.scalars(query, execution_options=_OPTIONS)).one_or_none()


async def abandoned(tx: AsyncSession, deaf_after: timedelta, limit: int, *, expired: bool = True) -> Sequence[Run]:
    """Runs that nobody will end: asked to stop while they are queued, or `deaf_after` ago and produced still.

    If `expired`, also those whose lease has. What somebody wants to end comes first.
    """
    deaf = Run.status.in_(_PRODUCING) & (Run.cancel_requested_at < func.now() - deaf_after)
    waiting = (Run.status == RunStatus.QUEUED) & Run.cancel_requested_at.is_not(None)
    lost = Run.status.in_(_PRODUCING) & (Run.lease_until < func.now())
    query = (
        select(Run)
        .where(or_(deaf, waiting, lost) if expired else or_(deaf, waiting))
        .order_by(Run.cancel_requested_at.nulls_last(), Run.lease_until)
        .limit(limit)
    )
    return (await tx.scalars(query)).all()


async def producers(tx: AsyncSession) -> Sequence[str]:
    """Everybody who produces a run for the server."""
    query = select(Run.producer).where(Run.status == RunStatus.RUNNING, Run.executor == Executor.SERVER).distinct()
    return [name for name in await tx.scalars(query) if name is not None]


async def of_producers(tx: AsyncSession, producers: Collection[str], limit: int) -> Sequence[Run]:
    """Runs that these are producing."""
    query = select(Run).where(Run.status == RunStatus.RUNNING, Run.producer.in_(producers)).limit(limit)
    return (await tx.scalars(query)).all()


async def reply(tx: AsyncSession, message_id: UUID) -> tuple[Message, Run] | None:
    """The reply to a message and its run, the first there was."""
    query = (
        select(Message, Run)
        .join(Run, Run.message_id == Message.id)
        .where(Message.parent_id == message_id)
        .order_by(Run.position)
        .limit(1)
    )
    found = (await tx.execute(query)).one_or_none()
    return (found[0], found[1]) if found else None
