"""Messages that are deleted and brought back.

What a deleted message said moves into the column `withdrawn`, so that nothing else of the server has to leave it out.
The row stays where it is in the tree; what is below it keeps its path.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements
from db.texts import json


class Node(NamedTuple):
    """A message's place in the tree, and what became of it."""

    id: UUID
    parent_id: UUID | None
    branch: int
    depth: int
    withdrawn: bool
    gone: bool
    """It is shown no more."""
    created_at: datetime
    compacted: bool
    """It has a compaction that a model wrote."""


class Change(NamedTuple):
    """What is to become of a message: its number in the session scope, and whether it is gone from now on."""

    id: UUID
    seq: int
    gone: bool
    turned: bool
    """Whether it is withdrawn by this change, or brought back; otherwise only what is below it is."""
    outdated: bool
    """Whether its compaction, which a model wrote, is not of what there is any more."""


type Views = Mapping[str, int | None]
"""The branches that were seen, by whom; None stands for the one that was written to last."""


class Deletion(NamedTuple):
    """What makes a deletion one: the message and the scope that were named, and its first number."""

    message_id: UUID
    scope: str
    number: int
    views: Views
    """What its restoration shows again."""


_TREE = """
    SELECT id, parent_id, branch, depth, withdrawn_at IS NOT NULL OR deleted_at IS NOT NULL, deleted_at IS NOT NULL,
        created_at, compaction ->> 'source' IS NOT DISTINCT FROM 'model'
    FROM messages WHERE session_id = $1 ORDER BY depth, created_at, id
"""

_CHANGED = """
    unnest($1::uuid[], $2::bigint[], $3::bool[], $4::bool[], $5::bool[]) AS changed (id, seq, gone, turned, outdated)
"""

_WITHDRAW = f"""
    UPDATE messages AS message SET
        seq = changed.seq,
        deleted_at = CASE WHEN changed.gone THEN coalesce(message.deleted_at, now()) END,
        withdrawn_at = CASE WHEN changed.turned THEN now() ELSE message.withdrawn_at END,
        withdrawn = CASE WHEN changed.turned THEN $6::jsonb || jsonb_build_object(
            'parts', message.parts, 'content', message.content, 'metadata', message.metadata, 'error', message.error,
            'marks', message.marks, 'compaction', CASE WHEN NOT changed.outdated THEN message.compaction END
        ) ELSE message.withdrawn END,
        parts = CASE WHEN changed.turned THEN '[]' ELSE message.parts END,
        content = CASE WHEN changed.turned THEN '' ELSE message.content END,
        metadata = CASE WHEN changed.turned THEN '{{}}' ELSE message.metadata END,
        error = CASE WHEN NOT changed.turned THEN message.error END,
        compaction = CASE WHEN NOT changed.turned AND NOT changed.outdated THEN message.compaction END,
        marks = CASE WHEN changed.turned THEN '{{}}' ELSE message.marks END
    FROM {_CHANGED} WHERE message.id = changed.id
"""

_BRING_BACK = f"""
    UPDATE messages AS message SET
        seq = changed.seq,
        deleted_at = NULL,
        withdrawn_at = CASE WHEN NOT changed.turned THEN message.withdrawn_at END,
        withdrawn = CASE WHEN NOT changed.turned THEN message.withdrawn END,
        parts = CASE WHEN changed.turned THEN message.withdrawn -> 'parts' ELSE message.parts END,
        content = CASE WHEN changed.turned THEN message.withdrawn ->> 'content' ELSE message.content END,
        metadata = CASE WHEN changed.turned THEN message.withdrawn -> 'metadata' ELSE message.metadata END,
        error = CASE WHEN changed.turned THEN nullif(message.withdrawn -> 'error', 'null') ELSE message.error END,
        compaction = CASE
            WHEN changed.turned THEN nullif(message.withdrawn -> 'compaction', 'null')
            WHEN NOT changed.outdated THEN message.compaction
        END,
        marks = CASE WHEN changed.turned THEN coalesce(message.withdrawn -> 'marks', '{{}}') ELSE message.marks END
    FROM {_CHANGED} WHERE message.id = changed.id
"""

_NEWEST = """
    SELECT id, (withdrawn ->> 'number')::bigint, (withdrawn -> 'views')::text FROM messages
    WHERE session_id = $1 AND withdrawn ->> 'message' = $2::uuid::text AND withdrawn ->> 'scope' = $3
"""

_SAID_LAST = """
    SELECT left(content, $2) FROM messages
    WHERE session_id = $1 AND content <> '' AND role <> 'system'
    ORDER BY news_seq DESC NULLS LAST, created_at DESC, depth DESC, id DESC LIMIT 1
"""

_FORGET = """
    WITH forgotten AS (
        UPDATE messages SET withdrawn = NULL WHERE id IN (
            SELECT id FROM messages
            WHERE withdrawn IS NOT NULL AND withdrawn_at < now() - $1::interval
            ORDER BY withdrawn_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ) RETURNING id
    ), revised AS (DELETE FROM revisions USING forgotten WHERE revisions.message_id = forgotten.id)
    SELECT count(*) FROM forgotten
"""


async def tree(tx: AsyncSession, session_id: UUID) -> Sequence[Node]:
    """All messages of a session, the root's side first."""
    return [Node(*found) for found in await statements.fetch(tx, _TREE, session_id)]


async def withdraw(tx: AsyncSession, deletion: Deletion, changes: Iterable[Change]) -> None:
    """Deletes messages as one deletion. Their session's row must be locked."""
    named = {**deletion._asdict(), "message": str(deletion.message_id)}
    del named["message_id"]
    await statements.fetch(tx, _WITHDRAW, *_columns(changes), json(named))


async def bring_back(tx: AsyncSession, changes: Iterable[Change]) -> None:
    """Has messages say again what they said. Their session's row must be locked."""
    await statements.fetch(tx, _BRING_BACK, *_columns(changes))


def _columns(changes: Iterable[Change]) -> Sequence[Sequence[object]]:
    return [list(column) for column in zip(*changes, strict=True)]


async def newest(tx: AsyncSession, session_id: UUID, message_id: UUID, scope: str) -> tuple[Set[UUID], Views]:
    """What the last deletion of this message and scope has taken, as far as it was not brought back or forgotten.

    And which branches with something of it were seen then.
    """
    found = await statements.fetch(tx, _NEWEST, session_id, message_id, scope)
    last = max((number for _, number, _ in found), default=0)
    taken = {id: views for id, number, views in found if number == last}
    views = next(iter(taken.values()), None)
    return taken.keys(), orjson.loads(views) if views else {}


async def said_last(tx: AsyncSession, session_id: UUID, characters: int) -> str | None:
    """The beginning of what was said last in a session and says anything; no instructions."""
    found = await statements.first(tx, _SAID_LAST, session_id, characters)
    return None if found is None else found[0]


async def forget(tx: AsyncSession, older_than: timedelta, limit: int) -> int:
    """Removes what messages said that were deleted so long ago; returns how many. Their places stay."""
    found = await statements.first(tx, _FORGET, older_than, limit)
    assert found is not None
    return int(found[0])
