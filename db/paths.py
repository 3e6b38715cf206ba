"""Paths through a session's tree, read a page at a time in one statement."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from db import rows, weights
from db.page import Page, Span
from db.reader import Reader, Statement

# Each step is materialised: it has one row, or one for each segment that the page touches, and what follows must find
# plain values to look messages up by. Row security compares nothing with an index that could tell what it saw.
PATH = """
    ended AS MATERIALIZED (
        SELECT seen.id, branch.number, branch.lineage, branch.starts, coalesce(tip.gone, false) AS gone,
            CASE WHEN NOT tip.gone THEN tip.depth + 1 ELSE coalesce((
                SELECT last.depth + 1 FROM generate_subscripts(branch.lineage, 1) AS place CROSS JOIN LATERAL (
                    SELECT depth FROM messages
                    WHERE session_id = seen.id AND messages.branch = branch.lineage[place]
                        AND depth < coalesce(branch.starts[place + 1], 2147483647) AND deleted_at IS NULL
                    ORDER BY depth DESC LIMIT 1
                ) AS last
                ORDER BY last.depth DESC LIMIT 1
            ), 0) END AS length
        FROM seen LEFT JOIN branches AS branch ON branch.session_id = seen.id AND branch.number = seen.number
        LEFT JOIN LATERAL (
            SELECT depth, deleted_at IS NOT NULL AS gone FROM messages
            WHERE session_id = seen.id AND messages.branch = branch.number
            ORDER BY depth DESC LIMIT 1
        ) AS tip ON true
    ), path AS MATERIALIZED (
        SELECT ended.id, ended.number AS asked, coalesce(other.number, ended.number) AS number,
            coalesce(other.lineage, ended.lineage) AS lineage, coalesce(other.starts, ended.starts) AS starts,
            coalesce(other.length, ended.length) AS length
        FROM ended LEFT JOIN LATERAL (
            SELECT branch.number, branch.lineage, branch.starts, leaf.depth + 1 AS length
            FROM branches AS branch CROSS JOIN LATERAL (
                SELECT id, depth, created_at FROM messages
                WHERE session_id = ended.id AND messages.branch = branch.number AND deleted_at IS NULL
                ORDER BY depth DESC LIMIT 1
            ) AS leaf
            WHERE ended.gone AND branch.session_id = ended.id AND leaf.depth >= ended.length - 1
                AND (ended.length = 0 OR branch.lineage[width_bucket(ended.length - 1, branch.starts)]
                    = ended.lineage[width_bucket(ended.length - 1, ended.starts)])
                AND NOT EXISTS (SELECT FROM messages WHERE parent_id = leaf.id AND deleted_at IS NULL)
            ORDER BY leaf.created_at DESC, leaf.id DESC LIMIT 1
        ) AS other ON true
    )
"""
"""The steps of a statement from `seen (id, number)`, a session and a branch of it that somebody sees, to the `path`.

This is what seeing a branch means, for every reader: messages down to the branch's last one. Where that is deleted and
holds no place for anything, the path goes on from what is left of it, down to the newest leaf; `asked` is the branch
that was asked for then, `number` the one whose path it is. Nothing is stored of that, so what is brought back is seen
as before.
"""

SEGMENTS = """
    segments AS MATERIALIZED (
        SELECT id, lineage[place] AS branch,
            greatest(first, starts[place]) AS low, least(stop, starts[place + 1]) AS high
        FROM page, generate_series(width_bucket(first, starts), width_bucket(stop - 1, starts)) AS place
        WHERE first < stop
    )
"""
"""The next one: from `page`, a path with the depths `first` to `stop` of it, to where these messages are."""

MESSAGES = """
    segments CROSS JOIN LATERAL (
        SELECT * FROM messages
        WHERE session_id = segments.id AND messages.branch = segments.branch
            AND depth >= segments.low AND depth < segments.high
        OFFSET 0
    ) AS message
"""
"""What a query selects the messages of the segments from."""

OF_BRANCH = f"""
    WITH page AS MATERIALIZED (
        SELECT session_id AS id, lineage, starts, $3::int AS first, $4::int AS stop
        FROM branches WHERE session_id = $1 AND number = $2
    ), {SEGMENTS}
"""
"""The steps from a session (`$1`), a branch of it (`$2`) and depths of that branch's path, to where these messages are.

Of the path as it is stored: what is deleted and holds no place is there, too."""

PAGE = Statement.of(
    f"""
    WITH seen AS MATERIALIZED (
        SELECT session.id, coalesce($3::int, member.branch, session.current_branch) AS number
        FROM sessions AS session JOIN memberships AS member ON member.session_id = session.id
        WHERE session.id = $2 AND session.deleted_at IS NULL AND member.user_id = $1
    ), {PATH}, span AS MATERIALIZED (
        SELECT path.*, greatest(0, least($4::bigint + 1, length))::int AS low,
            greatest(0, least($5::bigint, length))::int AS high
        FROM path
    ), page AS MATERIALIZED (
        SELECT span.*, CASE WHEN $7::bool THEN greatest(low, high - $6::int) ELSE low END AS first,
            CASE WHEN $7 THEN high ELSE least(high, low + $6) END AS stop
        FROM span
    ), {SEGMENTS}
    SELECT page.number, page.first > 0 AS has_previous, page.stop < page.length AS has_next, message.*
    FROM page LEFT JOIN (SELECT {rows.LIGHT_COLUMNS} FROM {MESSAGES}) AS message ON true
    ORDER BY message.depth
    """,
    rows.Message,
)


@dataclass(frozen=True, slots=True)
class Path:
    """A page of a path, and which branch's path that is; None where the session has no such branch."""

    branch: int | None
    page: Page[rows.Message]


async def page(reader: Reader, session_id: UUID, branch: int | None, span: Span[int]) -> Path | None:
    """Messages along the path of a branch, or of the one that the reader's viewer sees; the key is the depth.

    Costs what the page holds, not the path. None where there is no such session for the viewer.
    """
    after = -1 if span.after is None else span.after
    found = await reader.all(PAGE, session_id, branch, after, span.before, span.limit, span.backward)
    if not found:
        return None
    first = found[0]
    messages = [] if first["id"] is None else await weights.whole(reader, found)
    return Path(first["number"], Page(messages, first["has_previous"], first["has_next"]))


_TURNS = Statement.of(
    f"""
    WITH seen AS MATERIALIZED (SELECT $2::uuid AS id, $3::int AS number), {PATH},
    page AS MATERIALIZED (SELECT path.*, 0 AS first, length AS stop FROM path), {SEGMENTS}
    SELECT count(*) AS turns FROM {MESSAGES} WHERE message.role = 'user' OR message.depth = 0
    """,
    asyncpg.Record,
)


async def turns(reader: Reader, session_id: UUID, branch: int) -> int:
    """How many turns the path of a branch has: users' messages, and the beginning. Reads the whole path."""
    (found,) = await reader.all(_TURNS, session_id, branch)
    counted: int = found["turns"]
    return counted
