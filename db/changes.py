"""What has changed in a session, in one statement: the rows, what is being written, and the journal, of one moment."""

from collections.abc import Sequence
from uuid import UUID

from db import paths, rows
from db.reader import Asked, Readers

# Each kind has the columns of all kinds, joined where they are its own, and joined with nothing where they are not.
_MESSAGE, _RUN, _DELTA = (f"LEFT JOIN {table} ON false" for table in ("messages message", "runs run", "deltas delta"))

_COLUMNS = f"""
    {rows.MESSAGE_COLUMNS},
    CASE WHEN message.status = 'streaming' THEN (
        SELECT ARRAY[runs.epoch, coalesce((
            SELECT seq + count - 1 FROM deltas
            WHERE deltas.run_id = runs.id AND deltas.epoch = runs.epoch ORDER BY seq DESC LIMIT 1
        ), 0)]
        FROM runs WHERE runs.id = message.run_id AND runs.status IN ('running', 'awaiting_input')
    ) END AS writing,
    {rows.RUN_COLUMNS},
    delta.run_id AS "delta.run_id", delta.epoch AS "delta.epoch", delta.seq AS "delta.seq",
    delta.events AS "delta.events"
"""

_NEWEST = f"""
    SELECT 'message' AS kind, {_COLUMNS} FROM {paths.MESSAGES} {_RUN} {_DELTA} WHERE message.deleted_at IS NULL
"""

_SINCE = f"""
    SELECT 'message' AS kind, {_COLUMNS} FROM (
        SELECT * FROM messages WHERE session_id = scope.id AND seq > $2::bigint ORDER BY seq LIMIT $3::int
    ) AS message {_RUN} {_DELTA}
    UNION ALL
    SELECT 'run', {_COLUMNS} FROM (
        SELECT * FROM runs WHERE session_id = scope.id AND seq > $2 ORDER BY seq LIMIT $3
    ) AS run {_MESSAGE} {_DELTA}
"""

_FLYING = f"""
    SELECT 'flying', {_COLUMNS} FROM (
        SELECT message_id FROM runs
        WHERE runs.session_id = scope.id AND runs.status IN ('running', 'awaiting_input') ORDER BY position, id
    ) AS active CROSS JOIN LATERAL (
        SELECT * FROM messages WHERE messages.id = active.message_id AND deleted_at IS NULL OFFSET 0
    ) AS message {_RUN} {_DELTA}
"""

_MISSING = f"""
    SELECT 'delta', {_COLUMNS} FROM unnest($4::uuid[], $5::int[], $6::bigint[]) AS known (run_id, epoch, last)
    CROSS JOIN LATERAL (
        SELECT * FROM deltas
        WHERE deltas.run_id = known.run_id AND deltas.epoch = known.epoch AND seq + count > known.last + 1
    ) AS delta {_MESSAGE} {_RUN}
"""


def _of(steps: str, *kinds: str) -> Asked[rows.Change]:
    return Asked(
        f"""
        WITH scope AS MATERIALIZED (
            SELECT id, epoch, head, current_branch FROM sessions WHERE id = $1 AND deleted_at IS NULL
        ) {steps}
        SELECT scope.epoch AS scope_epoch, scope.head AS scope_head, found.*
        FROM scope LEFT JOIN LATERAL ({" UNION ALL ".join(kinds)}) AS found ON true
        """,
        rows.Change,
    )


_STEPS = f""",
    seen AS MATERIALIZED (SELECT id, current_branch AS number FROM scope),
    {paths.PATH},
    page AS MATERIALIZED (SELECT path.*, greatest(0, length - $2::int) AS first, length AS stop FROM path),
    {paths.SEGMENTS}
"""

NEWEST = _of(_STEPS, _NEWEST, _FLYING)
SINCE = _of("", _SINCE, _FLYING)
SINCE_WITH_JOURNAL = _of("", _SINCE, _MISSING)


async def newest(readers: Readers, session_id: UUID, count: int) -> Sequence[rows.Change]:
    """The last `count` messages of the branch that was written to last, and every message in flight.

    Each row says where the scope stands; a row without a kind says nothing else. No row: there is no such session, or
    it is deleted.
    """
    return await readers.fetch(NEWEST, session_id, count)


async def since(readers: Readers, session_id: UUID, after: int, limit: int) -> Sequence[rows.Change]:
    """What changed after a number, deletions included, and every message in flight; otherwise as `newest`.

    Of messages and of runs the first `limit` each.
    """
    return await readers.fetch(SINCE, session_id, after, limit)


async def since_with_journal(
    readers: Readers, session_id: UUID, after: int, limit: int, known: Sequence[tuple[UUID, int, int]]
) -> Sequence[rows.Change]:
    """The same without the messages in flight, but with what is in the journal.

    That is, of each run, what it has journaled in an epoch after an event: `known` is `(run, epoch, event number)`.
    """
    run_ids, epochs, numbers = zip(*known, strict=True) if known else ((), (), ())
    return await readers.fetch(SINCE_WITH_JOURNAL, session_id, after, limit, run_ids, epochs, numbers)
