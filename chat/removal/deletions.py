"""Messages that are deleted and brought back. What runs for them is stopped first."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import locks, sessions, summaries
from chat.conversation.sessions import Seen
from chat.quotas import quotas
from chat.refusals import NotFound
from chat.removal import views
from chat.removal.message_tree import DeletionScope, Tree
from chat.runs import stops
from chat.runs.stops import Active
from chat.scope import Scope, made
from db import memberships, runs, withdrawals
from db import sessions as session_rows
from db.models import Session
from db.withdrawals import Deletion
from sync import parts

_ALL = "all"
"""The scope of a deletion of all messages, as it is stored."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A session of which messages were deleted or brought back, and how many."""

    seen: Seen
    count: int


async def delete(scope: Scope, session_id: UUID, message_id: UUID, what: DeletionScope) -> Changed:
    """Deletes a message, or more of the tree; what is deleted already stays so. What runs for it is stopped first.

    Raises:
        NotFound: there is no such session for the viewer, or no such message in it.
        NotAllowed: the viewer may only read the session.
    """
    return await stops.first(scope.process, lambda: _delete(scope, session_id, message_id, what))


async def clear(scope: Scope, session_id: UUID) -> Changed:
    """Deletes all messages of a session, which stays. What runs in it is stopped first.

    Raises:
        NotFound: there is no such session for the viewer.
        NotAllowed: the viewer may only read the session.
    """
    return await stops.first(scope.process, lambda: _delete(scope, session_id, None, None))


async def _delete(scope: Scope, session_id: UUID, message_id: UUID | None, what: DeletionScope | None) -> Changed:
    async with scope.write() as tx:
        session, seen, tree = await _locked(tx, scope, session_id, message_id)
        wanted = tree.by_id.keys() if message_id is None or what is None else tree.reach(message_id, what)
        taken = wanted - tree.withdrawn
        await _stop(tx, session_id, tree, taken)
        if not taken:
            return _nothing(tx, seen)
        shown = tree.shown(tree.withdrawn | taken)
        session = await _advance(tx, session, tree.count(taken, shown), -len(taken))
        changes = tree.changes(taken, shown, session.head - tree.count(taken, shown) + 1)
        lost = await views.losing(tx, session, seen[1], tree, taken)
        await withdrawals.withdraw(tx, Deletion(message_id or session_id, what or _ALL, changes[0].seq, lost), changes)
        summary = summaries.after_deletion(session.summary, tree.by_id.keys() - tree.withdrawn - taken)
        session = await _retell(tx, session, summary=summary)
        heads = await memberships.touch(tx, session_id)
        await memberships.renew_news(tx, session_id)
        member = await memberships.get(tx, session_id, scope.viewer.id) or seen[1]
        made(tx, session=session_id, count=len(taken))
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return Changed((session, member), len(taken))


async def restore(scope: Scope, session_id: UUID, message_id: UUID, what: DeletionScope) -> Changed:
    """Brings back exactly what the last deletion of this message and scope took, within 30 days.

    What was stopped stays stopped. Whoever saw what was taken sees it again, unless they have written or chosen
    another branch since; the viewer does in any case.

    Raises:
        NotFound: there is no such session for the viewer, or no such message in it.
        NotAllowed: the viewer may only read the session.
        QuotaExceeded: there is no room for it.
    """
    return await _restore(scope, session_id, message_id, what)


async def restore_all(scope: Scope, session_id: UUID) -> Changed:
    """Brings back exactly what the last `clear` of a session took, within 30 days; else as `restore`."""
    return await _restore(scope, session_id, None, None)


async def _restore(scope: Scope, session_id: UUID, message_id: UUID | None, what: DeletionScope | None) -> Changed:
    async with scope.write() as tx:
        earlier = await quotas.weigh(tx, scope)
        session, seen, tree = await _locked(tx, scope, session_id, message_id)
        back, lost = await withdrawals.newest(tx, session_id, message_id or session_id, what or _ALL)
        if not back:
            return _nothing(tx, seen)
        shown = tree.shown(tree.withdrawn - back)
        session = await _advance(tx, session, tree.count(back, shown), len(back))
        await withdrawals.bring_back(tx, tree.changes(back, shown, session.head - tree.count(back, shown) + 1))
        if message_id is None:
            leaf = tree.newest_leaf(None, back & shown)
        else:
            leaf = tree.newest_leaf(message_id, shown) if message_id in shown else None
        number = None if leaf is None else leaf.branch
        current, chosen = await views.regained(tx, session, seen[1], tree, back, lost, number)
        session = await _retell(tx, session, current_branch=current)
        await quotas.fit(tx, scope, earlier)
        heads = await memberships.touch(tx, session_id)
        await memberships.renew_news(tx, session_id)
        member = await memberships.get(tx, session_id, scope.viewer.id) or seen[1]
        if chosen != member.branch:
            own = heads[scope.viewer.id]
            member = await memberships.change(tx, session_id, scope.viewer.id, own, {"branch": chosen})
        made(tx, session=session_id, count=len(back))
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return Changed((session, member), len(back))


async def _locked(
    tx: AsyncSession, scope: Scope, session_id: UUID, message_id: UUID | None
) -> tuple[Session, Seen, Tree]:
    """The session, whose row is locked now, as a member who may write sees it, and the tree of its messages."""
    session = await locks.session(tx, scope, session_id)
    tree = Tree(await withdrawals.tree(tx, session_id))
    if message_id is not None and message_id not in tree.by_id:
        raise NotFound("message")
    _, member = await sessions.seen(tx, scope, session_id)
    return session, (session, member), tree


async def _stop(tx: AsyncSession, session_id: UUID, tree: Tree, taken: Set[UUID]) -> None:
    """Passes if nothing is being written, or waits, in answer to what is taken or in it."""
    active = await runs.active(tx, [session_id])
    concerned = [run for run in active if {run.message_id, tree.by_id[run.message_id].parent_id} & taken]
    if concerned:
        raise Active(concerned)


def _nothing(tx: AsyncSession, seen: Seen) -> Changed:
    made(tx, session=seen[0].id, count=0)
    return Changed(seen, 0)


async def _advance(tx: AsyncSession, session: Session, numbers: int, messages: int) -> Session:
    count = Session.message_count + messages
    return await session_rows.advance(tx, session.id, numbers, message_count=count) or session


async def _retell(tx: AsyncSession, session: Session, **values: Any) -> Session:
    """Sets what the session's row says of its newest message now, and these values."""
    last = await withdrawals.said_last(tx, session.id, parts.PREVIEW * 2)
    preview = None if last is None else parts.preview(last)
    return await session_rows.advance(tx, session.id, 0, **values, last_message_preview=preview) or session
