"""What is seen of a tree before messages of it are deleted, and again when they come back.

`db.paths` says what seeing a branch means where messages of it are deleted. So a deletion changes neither the branch
that was written to last nor a choice, and what it took is seen again when it comes back, by every member who has
written and chosen nothing meanwhile. Who brings it back sees it anyway, as they did.
"""

from collections.abc import Set
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import placement
from chat.removal.message_tree import Tree
from db import branches
from db.models import Membership, Session
from db.withdrawals import Views

_SESSION = "session"
"""Stands among views for the branch that was written to last."""


async def losing(tx: AsyncSession, session: Session, member: Membership, tree: Tree, taken: Set[UUID]) -> Views:
    """The views that show something of what is about to be deleted: the session's, and this member's own."""
    current, shown = session.current_branch, placement.shown(session, member)
    leaves = await branches.leaves_of(tx, session.id, {current, shown})
    views: dict[str, int | None] = {}
    if tree.path(leaves.get(current)) & taken:
        views[_SESSION] = current
    if tree.path(leaves.get(shown)) & taken:
        views[str(member.user_id)] = member.branch
    return views


async def regained(
    tx: AsyncSession, session: Session, member: Membership, tree: Tree, back: Set[UUID], views: Views, leaf: int | None
) -> tuple[int, int | None]:
    """The branch that was written to last, and the member's choice, now that this has come back.

    A view that showed something of it shows it again: as the branch that it was, or, where that ends elsewhere by now,
    as the branch `leaf`.
    """
    current, chosen = session.current_branch, member.branch
    asked = {current, placement.shown(session, member), *(each for each in views.values() if each is not None)}
    leaves = await branches.leaves_of(tx, session.id, asked)
    showing = {number for number in asked if tree.path(leaves.get(number)) & back}
    earlier, me = views.get(_SESSION), str(member.user_id)
    if earlier is not None and current not in showing:
        current = earlier if earlier in showing else current if leaf is None else leaf
    if me in views and placement.shown(session, member) not in showing:
        earlier = views[me]
        chosen = earlier if earlier is None or earlier in showing else chosen if leaf is None else leaf
    return current, chosen
