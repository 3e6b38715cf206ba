"""The branches of a session's tree of messages, and the segments of a path."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession

from db import paths, statements
from db.models import Branch, Message
from db.reader import Reader, Statement


@dataclass(frozen=True, slots=True)
class Segment:
    """The messages of one branch whose depth is in `depths`."""

    branch: int
    depths: range


def segments(branch: Branch, depths: range) -> Sequence[Segment]:
    """The segments of a branch's path that hold these depths, the root first."""
    found = []
    for index, (number, start) in enumerate(zip(branch.lineage, branch.starts, strict=True)):
        end = branch.starts[index + 1] if index + 1 < len(branch.starts) else depths.stop
        part = range(max(start, depths.start), min(end, depths.stop))
        if part:
            found.append(Segment(number, part))
    return found


def on_path(branch: Branch, depths: range) -> ColumnElement[bool]:
    """The condition that picks the messages of these depths on a branch's path: one index range for each segment."""
    return and_(
        Message.session_id == branch.session_id,
        or_(
            *(
                and_(
                    Message.branch == segment.branch,
                    Message.depth.between(segment.depths.start, segment.depths.stop - 1),
                )
                for segment in segments(branch, depths)
            )
        ),
    )


async def get(tx: AsyncSession, session_id: UUID, number: int) -> Branch | None:
    """The branch, if the transaction may see it."""
    return await tx.get(Branch, (session_id, number))


async def fork(tx: AsyncSession, origin: Branch | None, session_id: UUID, number: int, depth: int) -> Branch:
    """Stores branch `number`, which leaves the path of `origin` at `depth`; without an origin it starts at the root."""
    kept = [] if origin is None else segments(origin, range(depth))
    branch = Branch(
        session_id=session_id,
        number=number,
        lineage=[*(segment.branch for segment in kept), number],
        starts=[*(segment.depths.start for segment in kept), depth],
    )
    tx.add(branch)
    await tx.flush()
    return branch


class Place(NamedTuple):
    """Where a message stands on a path: how many messages stand before it on the path of a branch."""

    branch: int
    depth: int


# A path goes through a message if the segment that holds the message's depth is of the message's branch. Of several
# such paths, the one that is seen is taken, if it is among them, or else the one whose last message is the newest.
_THROUGH = f"""
    WITH seen AS MATERIALIZED ({{seen}}), {paths.PATH}, target AS MATERIALIZED (
        SELECT session_id, branch, depth FROM messages
        WHERE id = {{message}}::uuid AND session_id = {{session}}::uuid AND deleted_at IS NULL
    )
    SELECT branch.number, target.depth
    FROM target JOIN branches AS branch ON branch.session_id = target.session_id
    CROSS JOIN LATERAL (
        SELECT id, created_at FROM messages
        WHERE session_id = branch.session_id AND messages.branch = branch.number AND deleted_at IS NULL
        ORDER BY depth DESC LIMIT 1
    ) AS leaf
    WHERE branch.lineage[width_bucket(target.depth, branch.starts)] = target.branch
    ORDER BY branch.number = (SELECT number FROM path) DESC NULLS LAST, leaf.created_at DESC, leaf.id DESC
    LIMIT 1
"""
_ANY = "SELECT {session}::uuid AS id, {number}::int AS number"
_VIEWERS = """
    SELECT session.id, coalesce(member.branch, session.current_branch) AS number
    FROM sessions AS session JOIN memberships AS member ON member.session_id = session.id
    WHERE session.id = $2 AND member.user_id = $1
"""

_NEWEST = _THROUGH.format(session="$1", message="$2", seen=_ANY.format(session="$1", number="$3"))
_NEWEST_READ = Statement.of(
    _THROUGH.format(session="$2", message="$3", seen=_ANY.format(session="$2", number="NULL")), asyncpg.Record
)
_SEEN_READ = Statement.of(_THROUGH.format(session="$2", message="$3", seen=_VIEWERS), asyncpg.Record)


async def newest_through(
    tx: AsyncSession, session_id: UUID, message_id: UUID, *, seen: int | None = None
) -> Place | None:
    """Where a message stands on the path through it whose last message is the newest; None: there is none such.

    If the path of the branch `seen` goes through it, then on that one.
    """
    found = await statements.first(tx, _NEWEST, session_id, message_id, seen)
    return None if found is None else Place(*found)


async def through(reader: Reader, session_id: UUID, message_id: UUID, *, seen_first: bool) -> Place | None:
    """The same for a reader; with `seen_first` on the path that the viewer sees, if that goes through it."""
    found = await reader.all(_SEEN_READ if seen_first else _NEWEST_READ, session_id, message_id)
    return Place(*found[0]) if found else None


_LEAVES = f"""
    WITH seen AS MATERIALIZED ({{seen}}), {paths.PATH}
    SELECT path.id AS session_id, path.asked AS number, leaf.id
    FROM path CROSS JOIN LATERAL (
        SELECT id FROM messages
        WHERE session_id = path.id AND depth = path.length - 1
            AND messages.branch = path.lineage[width_bucket(path.length - 1, path.starts)]
        OFFSET 0
    ) AS leaf
    WHERE path.length > 0
"""
_LEAVES_READ = Statement.of(
    _LEAVES.format(seen="SELECT * FROM unnest($2::uuid[], $3::int[]) AS asked (id, number)"), asyncpg.Record
)
_LEAVES_OF_ONE = _LEAVES.format(seen="SELECT $1::uuid AS id, number FROM unnest($2::int[]) AS number")


async def leaves(reader: Reader, branches: Sequence[tuple[UUID, int]]) -> Mapping[tuple[UUID, int], UUID]:
    """The last message of the path of each `(session, branch)`, where it has one that the reader's viewer may see."""
    session_ids, numbers = zip(*branches, strict=True)
    found = await reader.all(_LEAVES_READ, session_ids, numbers)
    return {(row["session_id"], row["number"]): row["id"] for row in found}


async def leaves_of(tx: AsyncSession, session_id: UUID, numbers: Collection[int]) -> Mapping[int, UUID]:
    """The same for branches of one session in a transaction."""
    found = await statements.fetch(tx, _LEAVES_OF_ONE, session_id, list(numbers))
    return {row["number"]: row["id"] for row in found}


_SIBLINGS = Statement.of(
    """
    SELECT asked.session_id, asked.parent_id, found.ids
    FROM unnest($2::uuid[], $3::uuid[]) AS asked (session_id, parent_id) CROSS JOIN LATERAL (
        SELECT array_agg(id ORDER BY created_at, id) AS ids FROM (
            SELECT id, created_at FROM messages WHERE parent_id = asked.parent_id AND deleted_at IS NULL
            UNION ALL
            SELECT id, created_at FROM messages
            WHERE asked.parent_id IS NULL AND session_id = asked.session_id AND parent_id IS NULL
                AND deleted_at IS NULL
        ) AS sibling
    ) AS found
    WHERE found.ids IS NOT NULL
    """,
    asyncpg.Record,
)


async def siblings(
    reader: Reader, places: Sequence[tuple[UUID, UUID | None]]
) -> Mapping[tuple[UUID, UUID | None], Sequence[UUID]]:
    """What follows each `(session, parent)`, or begins a session where there is no parent, in the order of creation."""
    session_ids, parent_ids = zip(*places, strict=True)
    found = await reader.all(_SIBLINGS, session_ids, parent_ids)
    return {(row["session_id"], row["parent_id"]): row["ids"] for row in found}
