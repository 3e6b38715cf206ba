"""The journal of what runs have generated and no message row holds yet.

A row is some consecutive events of one run. Appending is fenced: a run that is over, or that a producer of a later
epoch has, takes no more events. The fence is exact because an append holds its producer's lock in shared mode, and
whoever ends a run from outside takes that lock exclusively first (`seal`): the end comes after every append that got
in, and before every one that is refused.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast
from uuid import UUID

import asyncpg
from sqlalchemy import any_, bindparam, delete, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from db.models import Delta

_SHARE = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(producer, 0)) FROM unnest(:producers) AS producer")
_SHARE = _SHARE.bindparams(bindparam("producers", type_=ARRAY(Text)))
_SEAL = text("SELECT pg_advisory_xact_lock(hashtextextended(:producer, 0))")

_APPEND = """
    WITH new AS (
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::smallint[], $5::text[])
            AS new (run_id, epoch, seq, count, events)
    ), taken AS (
        INSERT INTO deltas (run_id, epoch, seq, count, events)
        SELECT new.run_id, new.epoch, new.seq, new.count, new.events
        FROM new
        JOIN runs ON runs.id = new.run_id AND runs.epoch = new.epoch AND runs.status IN ('running', 'awaiting_input')
        ON CONFLICT (run_id, epoch, seq) DO UPDATE SET count = deltas.count
        RETURNING run_id
    )
    SELECT run_id FROM new EXCEPT SELECT run_id FROM taken
"""


class Entry(NamedTuple):
    """Consecutive events of one run: `events` is a JSON array of `size`, the first of them has the number `seq`."""

    run_id: UUID
    epoch: int
    seq: int
    size: int
    events: str


async def append(tx: AsyncSession, producers: Sequence[str], entries: Sequence[Entry]) -> set[UUID]:
    """Journals the entries of runs that these producers hold, one for each; returns the runs that took theirs not.

    An entry that is there already is taken again without a change, so a turn whose outcome is unknown can be
    repeated. A run of the answer is over, or has another producer.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, sqlalchemy.exc.DBAPIError, OSError: nothing was journaled.
    """
    await tx.execute(_SHARE, {"producers": list(producers)})
    connection = await (await tx.connection()).get_raw_connection()
    driver = cast("asyncpg.Connection", connection.driver_connection)  # SQLAlchemy would look at every value
    return {row["run_id"] for row in await driver.fetch(_APPEND, *zip(*entries, strict=True))}


async def add(tx: AsyncSession, entry: Entry) -> None:
    """Journals an entry of a run whose row the transaction holds."""
    tx.add(Delta(run_id=entry.run_id, epoch=entry.epoch, seq=entry.seq, count=entry.size, events=entry.events))
    await tx.flush()


async def seal(tx: AsyncSession, producer: str) -> None:
    """Waits until no append of this producer is under way, and holds new ones back to the commit."""
    await tx.execute(_SEAL, {"producer": producer})


async def of_run(tx: AsyncSession, run_id: UUID, epoch: int, after: int = 0) -> Sequence[Delta]:
    """What a run has journaled in an epoch after event number `after`, in order."""
    query = (
        select(Delta)
        .where(Delta.run_id == run_id, Delta.epoch == epoch, Delta.seq + Delta.count > after + 1)
        .order_by(Delta.seq)
    )
    return (await tx.scalars(query)).all()


async def of_runs(tx: AsyncSession, run_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Delta]]:
    """All that these runs have journaled, in order, for each run that has anything."""
    found: dict[UUID, list[Delta]] = {}
    query = select(Delta).where(Delta.run_id.in_(run_ids)).order_by(Delta.run_id, Delta.epoch, Delta.seq)
    for delta in await tx.scalars(query):
        found.setdefault(delta.run_id, []).append(delta)
    return found


async def last(tx: AsyncSession, run_ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, int]]:
    """`(epoch, number of the last event)` of each run that has journaled anything."""
    query = (
        select(Delta.run_id, Delta.epoch, Delta.seq + Delta.count - 1)
        .where(Delta.run_id == any_(literal(list(run_ids), ARRAY(Uuid))))
        .order_by(Delta.run_id, Delta.epoch.desc(), Delta.seq.desc())
        .ext(distinct_on(Delta.run_id))
    )
    return {run_id: (epoch, number) for run_id, epoch, number in (await tx.execute(query))}


async def discard(tx: AsyncSession, run_id: UUID) -> None:
    """Removes a run's journal once its message holds everything."""
    await tx.execute(delete(Delta).where(Delta.run_id == run_id))
