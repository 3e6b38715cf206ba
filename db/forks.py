"""Copies of a session's messages in another session, made in one statement."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import rows, statements, texts
from db.branches import Place
from db.models import Json
from db.paths import MESSAGES, PATH, SEGMENTS
from db.reader import Reader, Statement


class ForkInclude(StrEnum):
    """What of a session's tree is copied."""

    PATH = "path"
    PATH_WITH_SIBLINGS = "path_with_siblings"
    ALL = "all"


_FLYING = Statement.of(
    f"""
    SELECT {rows.MESSAGE_COLUMNS} FROM (
        SELECT message_id FROM runs WHERE session_id = $2::uuid AND status IN ('running', 'awaiting_input') OFFSET 0
    ) AS active JOIN messages AS message ON message.id = active.message_id
    WHERE message.status = 'streaming'
    """,
    rows.Message,
)


async def flying(reader: Reader, session_id: UUID) -> Sequence[rows.Message]:
    """The messages of a session that are being written, with their journals."""
    return await reader.all(_FLYING, session_id)


class Copied(NamedTuple):
    """What was copied."""

    messages: int
    """How many, deleted ones too: the numbers of the session scope up to this one are theirs."""
    alive: int
    last_branch: int
    message_id: UUID
    """The copy of the message that was named."""


_LINE = f"""
    seen AS MATERIALIZED (SELECT $1::uuid AS id, $7::int AS number), {PATH},
    page AS MATERIALIZED (SELECT path.*, 0 AS first, $8::int + 1 AS stop FROM path), {SEGMENTS},
    line AS MATERIALIZED (SELECT message.* FROM {MESSAGES})
"""

_CHOSEN = {
    ForkInclude.PATH: f"{_LINE}, chosen AS (SELECT line.*, 0 AS number FROM line)",
    # Each sibling is the only message of a branch of its own.
    ForkInclude.PATH_WITH_SIBLINGS: f"""
        {_LINE}, beside AS (
            SELECT sibling.* FROM line JOIN messages AS sibling
                ON sibling.parent_id = line.parent_id AND sibling.id <> line.id AND sibling.withdrawn_at IS NULL
            UNION ALL
            SELECT * FROM messages
            WHERE session_id = $1 AND parent_id IS NULL AND withdrawn_at IS NULL AND id NOT IN (SELECT id FROM line)
        ), chosen AS (
            SELECT line.*, 0 AS number FROM line
            UNION ALL
            SELECT beside.*, row_number() OVER (ORDER BY depth, created_at, id)::int FROM beside
        )
    """,
    ForkInclude.ALL: "chosen AS (SELECT *, branch AS number FROM messages WHERE session_id = $1)",
}
_BRANCHES = {
    ForkInclude.PATH: "SELECT $2::uuid, 0, '{0}'::int[], '{0}'::int[] WHERE false",
    ForkInclude.PATH_WITH_SIBLINGS: """
        SELECT $2, number, CASE depth WHEN 0 THEN ARRAY[number] ELSE ARRAY[0, number] END,
            CASE depth WHEN 0 THEN ARRAY[0] ELSE ARRAY[0, depth] END
        FROM chosen WHERE number > 0
    """,
    ForkInclude.ALL: "SELECT $2, number, lineage, starts FROM branches WHERE session_id = $1 AND number > 0",
}

# A message that is being written is copied as it is at this moment, or as it was just before (`$4` to `$6`).
_COPY = """
    WITH {chosen}, branched AS (
        INSERT INTO branches (session_id, number, lineage, starts) {branches}
    ), mapped AS MATERIALIZED (
        SELECT chosen.*, gen_random_uuid() AS copy_id, row_number() OVER (ORDER BY depth, number) AS copy_seq
        FROM chosen
    ), copied AS (
        INSERT INTO messages (
            id, session_id, parent_id, branch, depth, role, status, parts, content, metadata, error, finish_reason,
            compaction, author_id, seq, client_created_at, created_at, deleted_at, withdrawn_at
        )
        SELECT message.copy_id, $2, parent.copy_id, message.number, message.depth, message.role,
            CASE WHEN message.status IN ('pending', 'streaming') THEN 'interrupted' ELSE message.status END,
            coalesce(flying.parts::jsonb, message.parts), coalesce(flying.content, message.content), message.metadata,
            message.error, message.finish_reason, message.compaction, message.author_id, message.copy_seq,
            message.client_created_at, message.created_at, message.deleted_at, message.withdrawn_at
        FROM mapped AS message LEFT JOIN mapped AS parent ON parent.id = message.parent_id
        LEFT JOIN unnest($4::uuid[], $5::text[], $6::text[]) AS flying (id, parts, content)
            ON flying.id = message.id AND message.status = 'streaming'
        RETURNING id
    )
    SELECT count(*), count(*) FILTER (WHERE coalesce(withdrawn_at, deleted_at) IS NULL), max(number),
        (SELECT copy_id FROM mapped WHERE id = $3::uuid)
    FROM mapped
"""

_COPIES = {include: _COPY.format(chosen=_CHOSEN[include], branches=_BRANCHES[include]) for include in ForkInclude}


async def copy(
    tx: AsyncSession,
    session_id: UUID,
    to: UUID,
    message_id: UUID,
    place: Place,
    include: ForkInclude,
    written: Mapping[UUID, tuple[Sequence[Json], str]],
) -> Copied:
    """Copies messages of a session into another one, which has nothing but its first branch, with new ids.

    That is, of the path of `place.branch`, those up to `place.depth`, where the message that is named stands; all
    others too with `ForkInclude.ALL`. `written` has parts and content of those that are being written.
    """
    parts = [texts.json(list(each)) for each, _ in written.values()]
    contents = [content for _, content in written.values()]
    values = (session_id, to, message_id, list(written), parts, contents)
    (copied,) = await statements.fetch(tx, _COPIES[include], *values, *(() if include is ForkInclude.ALL else place))
    return Copied(*copied)
