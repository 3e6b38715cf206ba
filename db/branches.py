"""The branches of a session's tree of messages, and the segments of a path."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Branch, Message


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
