"""The trash: sessions that their owner has deleted, until they are restored, given up, or forgotten after 30 days."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import sessions
from chat.conversation.sessions import Seen
from chat.quotas import active_sessions, quotas
from chat.refusals import NotAllowed, NotFound
from chat.runs import stops
from chat.runs.stops import Active
from chat.scope import Scope, made
from db import memberships, runs, tombstones, trash
from db import sessions as session_rows
from db.models import MemberRole
from db.page import Page, Span


async def page(scope: Scope, span: Span[tuple[datetime, UUID]]) -> Page[Seen]:
    """The viewer's own deleted sessions, newest deletion first."""
    async with scope.tx() as tx:
        return await trash.page(tx, scope.viewer.id, span, tombstones.KEPT)


async def count(scope: Scope) -> int:
    """How many sessions there are in the viewer's trash."""
    async with scope.tx() as tx:
        return await trash.count(tx, scope.viewer.id, tombstones.KEPT)


async def restore(scope: Scope, session_id: UUID) -> Seen:
    """Brings a deleted session back for all its members, as it was. What ran in it stays stopped.

    One that is not deleted stays as it is.

    Raises:
        NotFound: there is no such session for the viewer, or it is gone for good.
        NotAllowed: the viewer is not its owner.
        QuotaExceeded: there are as many sessions as there may be, or as its agent allows, or no room for it.
    """
    return await stops.first(scope.process, lambda: _restore(scope, session_id))


async def _restore(scope: Scope, session_id: UUID) -> Seen:
    async with scope.write() as tx:
        made(tx, session=session_id)
        session, member = await _own(tx, scope, session_id, "Only the owner of a session can restore it.")
        if session.deleted_at is None:
            return session, member
        await quotas.have_back(tx, scope)
        restored = await trash.take_out(tx, session_id, tombstones.KEPT)
        if restored is None:
            raise NotFound("session")
        if active := await runs.active(tx, [session_id]):
            raise Active(active)
        await quotas.fit(tx, scope)
        heads = await memberships.touch(tx, session_id)  # all members' accounts in one order, then the viewer's alone
        if member.archived_at is None:
            await active_sessions.make_room(tx, scope.viewer.id, restored.agent_id, session_id)
    sessions.ring(scope.process, restored)
    sessions.ring_members(scope.process, heads)
    return restored, member


async def purge(scope: Scope, session_id: UUID) -> UUID:
    """Deletes a session and everything in it for good, whether it is in the trash or not; returns its id.

    An empty tombstone stays, so that every window hears of it, and the id stays taken.

    Raises:
        NotFound: there is no such session for the viewer, or it is gone for good already.
        NotAllowed: the viewer is not its owner.
    """
    return await stops.first(scope.process, lambda: _purge(scope, session_id))


async def _purge(scope: Scope, session_id: UUID) -> UUID:
    async with scope.write() as tx:
        made(tx, session=session_id)
        await _own(tx, scope, session_id, "Only the owner of a session can delete it.")
        if await session_rows.advance(tx, session_id, 0, where=()) is None:  # from here on nothing runs in it anew
            raise NotFound("session")
        if active := await runs.active(tx, [session_id]):
            raise Active(active)
        heads = await memberships.touch(tx, session_id)  # accounts are locked before what is in them
        session = await trash.purge(tx, session_id)
        if session is None:
            raise NotFound("session")
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return session_id


async def _own(tx: AsyncSession, scope: Scope, session_id: UUID, reason: str) -> Seen:
    """A session of the viewer's, deleted or not. Who is only a member sees it as long as it is not deleted."""
    session = await session_rows.get(tx, session_id)
    member = await memberships.get(tx, session_id, scope.viewer.id)
    if session is None or member is None or session.purged_at is not None:
        raise NotFound("session")
    if member.role is not MemberRole.OWNER:
        raise NotFound("session") if session.deleted_at is not None else NotAllowed(reason)
    return session, member
