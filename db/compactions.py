"""Compactions: what a model is told in place of a message and all before it. They stand in the message's row."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import paths, statements
from db.messages import UNFINISHED
from db.models import Message
from db.statements import Columns

_COLUMNS = Columns(Message, "message")
_NEWEST = f"""
    {paths.OF_BRANCH}
    SELECT {_COLUMNS.sql} FROM segments CROSS JOIN LATERAL (
        SELECT * FROM messages
        WHERE session_id = segments.id AND messages.branch = segments.branch
            AND depth >= segments.low AND depth < segments.high AND compaction IS NOT NULL
        ORDER BY depth DESC LIMIT 1
    ) AS message
    ORDER BY message.depth DESC LIMIT 1
"""

_STATE = f"""
    {paths.OF_BRANCH}
    SELECT count(*), coalesce(sum(version), 0), count(withdrawn_at), count(*) FILTER (WHERE {UNFINISHED})
    FROM {paths.MESSAGES}
"""

# A path goes through a message if the segment that holds the message's depth is of the message's branch.
_OVER = """
    SELECT message.id FROM messages AS message
    JOIN branches AS branch ON branch.session_id = message.session_id AND branch.number = message.branch
    WHERE message.session_id = $1 AND message.compaction ->> 'source' = 'model' AND message.depth >= $3
        AND branch.lineage[width_bucket($3, branch.starts)] = $2
    ORDER BY message.depth, message.id
"""
_REMOVE = """
    UPDATE messages AS message SET compaction = NULL, seq = $2::bigint + place
    FROM unnest($1::uuid[]) WITH ORDINALITY AS gone (id, place) WHERE message.id = gone.id
"""


async def newest(tx: AsyncSession, session_id: UUID, number: int, stop: int) -> Message | None:
    """The last message before a depth of a branch's path that has one."""
    found = await statements.first(tx, _NEWEST, session_id, number, 0, stop)
    return None if found is None else _COLUMNS.row(found)


async def over(tx: AsyncSession, message: Message) -> Sequence[UUID]:
    """The messages whose compaction a model has written of this message, among others."""
    found = await statements.fetch(tx, _OVER, message.session_id, message.branch, message.depth)
    return [row["id"] for row in found]


async def remove(tx: AsyncSession, message_ids: Sequence[UUID], after: int) -> None:
    """Takes the compactions of messages away, which get the numbers that follow `after` in their session's scope."""
    await statements.fetch(tx, _REMOVE, list(message_ids), after)


class State(NamedTuple):
    """What tells whether something was changed in a part of a path: it is another one then."""

    messages: int
    versions: int
    withdrawn: int
    unfinished: int


async def state(tx: AsyncSession, session_id: UUID, number: int, depths: range) -> State:
    """How a part of a path is."""
    found = await statements.first(tx, _STATE, session_id, number, depths.start, depths.stop)
    assert found is not None
    return State(*found)
