"""Where a new message stands in the tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.refusals import InvalidInput
from db import branches, memberships, messages, sessions
from db.models import Membership, Message, Session
from db.rows import Seen


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a path. The next place of the same branch is one deeper."""

    parent_id: UUID | None
    branch: int
    depth: int


async def at_tip(tx: AsyncSession, session: Session, member: Membership) -> Place:
    """After the last message of the branch that the member sees. The session's row must be locked."""
    branch = shown(session, member)
    tip = await messages.tip(tx, session.id, branch)
    if tip is None:
        return Place(None, branch, 0)
    if not tip.gone:
        return Place(tip.id, branch, tip.depth + 1)
    last = await messages.last(tx, session.id, branch)
    return await under(tx, session, None) if last is None else await after(tx, session, last)


async def under(tx: AsyncSession, session: Session, parent_id: UUID | None) -> Place:
    """Under a message, or at the root; a new branch where the parent's own goes on already. The row must be locked.

    Raises:
        InvalidInput: the session has no such message.
    """
    parent = None if parent_id is None else await messages.get(tx, parent_id)
    if parent_id is not None and (parent is None or parent.session_id != session.id or parent.deleted_at is not None):
        raise InvalidInput("parentId", "There is no such message in this session.")
    if parent is None:
        if await messages.tip(tx, session.id, 0) is None:
            return Place(None, 0, 0)
        return Place(None, await _fork(tx, session, None), 0)
    return await after(tx, session, parent)


async def after(tx: AsyncSession, session: Session, parent: Message) -> Place:
    """Under a message of the session; a new branch where the parent's own goes on already. The row must be locked."""
    if await messages.continues(tx, parent):
        return Place(parent.id, await _fork(tx, session, parent), parent.depth + 1)
    return Place(parent.id, parent.branch, parent.depth + 1)


def shown(session: Session | Seen, member: Membership | Seen) -> int:
    """The branch that a member sees: the chosen one, or else the one that was written to last."""
    return session.current_branch if member.branch is None else member.branch


async def through(tx: AsyncSession, message: Message, seen: int) -> int:
    """The branch to see where a message is written on: the one that is seen, if its path goes through the message.

    Otherwise the one with the newest leaf below it.
    """
    place = await branches.newest_through(tx, message.session_id, message.id, seen=seen)
    return message.branch if place is None else place.branch


async def follow(tx: AsyncSession, member: Membership, branch: int, heads: Mapping[UUID, int]) -> Membership:
    """Has a member who has chosen a branch see this one. Comes after `memberships.touch`, which gave `heads`."""
    if member.branch in (None, branch):
        return member
    return await memberships.change(tx, member.session_id, member.user_id, heads[member.user_id], {"branch": branch})


async def _fork(tx: AsyncSession, session: Session, parent: Message | None) -> int:
    number = session.last_branch + 1
    origin = None if parent is None else await branches.get(tx, session.id, parent.branch)
    await branches.fork(tx, origin, session.id, number, 0 if parent is None else parent.depth + 1)
    await sessions.advance(tx, session.id, 0, last_branch=number)
    return number
