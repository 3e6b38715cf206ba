"""The journal of what runs have generated and no message row holds yet.

A row is some consecutive events of one run. Appending is fenced: a run that is over, or that a producer of a later
epoch has, takes no more events. The fence is exact because an append holds its producer's lock in shared mode, and
whoever ends a run from outside takes that lock exclusively first (`seal`): the end comes after every append that got
in, and before every one that is refused.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import any_, delete, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from db import statements
from db.models import Delta

_SEAL = text("SELECT pg_advisory_xact_lock(hashtextextended(:producer, 0))")

_ADD = "INSERT INTO deltas (run_id, epoch, seq, count, events) VALUES ($1, $2, $3, $4, $5)"
_END = """
    SELECT epoch, seq + count - 1 FROM deltas WHERE run_id = $1 ORDER BY run_id DESC, epoch DESC, seq DESC LIMIT 1
"""
_APPEND = """
    SELECT transom_append($1, $2::text::uuid[], $3::text::integer[], $4::text::bigint[], $5::text::smallint[], $6)
"""


class Entry(NamedTuple):
    """Consecutive events of one run: `events` is a JSON array of `size`, the first of them has the number `seq`."""

    run_id: UUID
    epoch: int
    seq: int
    size: int
    events: bytes


async def append(
    driver: asyncpg.Connection, producers: Sequence[str], entries: Sequence[Entry], patience: float | None = None
) -> set[UUID]:
    """Journals the entries of runs that these producers hold, one for each; returns the runs that took theirs not.

    It is on disk when this returns: the statement is a transaction of its own. An entry that is there already is
    taken again without a change, so a turn whose outcome is unknown can be repeated. A run of the answer is over, or
    has another producer.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: nothing was journaled, or it is not known: the
            connection was lost, or nothing has come for `patience` seconds.
    """
    run_ids, epochs, seqs, sizes, events = zip(*entries, strict=True)
    texts = [each.decode() for each in events]
    arrays = map(_array, (run_ids, epochs, seqs, sizes))
    refused = await driver.fetch(_APPEND, producers, *arrays, texts, timeout=patience)
    return {row[0] for row in refused}


def _array(values: Sequence[object]) -> str:
    """An array as PostgreSQL reads it: the driver would look at each value several times."""
    return f"{{{','.join(map(str, values))}}}"


async def add(tx: AsyncSession, entry: Entry) -> None:
    """Journals an entry of a run whose row the transaction holds."""
    await statements.fetch(tx, _ADD, entry.run_id, entry.epoch, entry.seq, entry.size, entry.events.decode())


async def seal(tx: AsyncSession, producer: str) -> None:
    """Waits until no append of this producer is under way, and holds new ones back to the commit."""
    await tx.execute(_SEAL, {"producer": producer})


async def of_runs(tx: AsyncSession, run_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Delta]]:
    """All that these runs have journaled, in order, for each run that has anything."""
    found: dict[UUID, list[Delta]] = {}
    query = select(Delta).where(Delta.run_id.in_(run_ids)).order_by(Delta.run_id, Delta.epoch, Delta.seq)
    for delta in await tx.scalars(query):
        found.setdefault(delta.run_id, []).append(delta)
    return found


async def end(tx: AsyncSession, run_id: UUID) -> tuple[int, int] | None:
    """`(epoch, number of the last event)` of a run; None where it has journaled nothing. Looks at one row."""
    found = await statements.first(tx, _END, run_id)
    return None if found is None else (found[0], found[1])


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
