"""How far a member has read a session, what they are about to say in it, and where it stands in their own order."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import validation
from chat.conversation import drafts, sessions
from chat.conversation.drafts import After
from chat.conversation.sessions import Seen
from chat.library import ordering
from chat.refusals import InvalidInput
from chat.scope import Scope, made
from db import memberships, users
from db.models import Membership
from sync.cursors import ScopeKind

_NEIGHBOURS = 1_000
"""Sessions on either side of a gap that may get other places."""


async def mark_read(scope: Scope, session_id: UUID, up_to: str | None = None) -> Seen:
    """Notes that the viewer has read a session up to a cursor of it, or all of it. That never goes back.

    Raises:
        NotFound: there is no such session.
        InvalidInput: the cursor is none of this session.
    """
    upper = None if up_to is None else _number(session_id, up_to)
    async with scope.write() as tx:
        session, member = await _locked(tx, scope, session_id)
        read = session.head if upper is None else min(upper, session.head)
        if read <= member.read_seq and not member.marked_unread:
            return session, member
        values = {"read_seq": max(read, member.read_seq), "marked_unread": False}
        found = session, await _set(tx, scope, session_id, values)
    _ring(scope, found)
    return found


def _number(session_id: UUID, text: str) -> int:
    cursor = validation.cursor("upTo", text)
    if (cursor.kind, cursor.id) != (ScopeKind.SESSION, session_id):
        raise InvalidInput("upTo", "This cursor is of something else. Use one of the session's own.")
    return cursor.seq


async def mark_unread(scope: Scope, session_id: UUID) -> Seen:
    """Has a session count as unread until the viewer reads it again.

    Raises:
        NotFound: there is no such session.
    """
    return await _change(scope, session_id, {"marked_unread": True})


async def save_draft(scope: Scope, session_id: UUID, text: str, *, after: After | None = None) -> Seen:
    """Keeps what the viewer is about to say, for all their windows. Blank text is none.

    A text that is older than what they sent last is not kept, and nothing changes; `after` says what it comes after.

    Raises:
        NotFound: there is no such session.
        InvalidInput: it is too long.
    """
    draft = validation.draft("text", text)
    async with scope.write() as tx:
        session, member = await _locked(tx, scope, session_id)
        after_id = None if after is None else after.id
        if await drafts.is_late(tx, member, draft, after):
            return session, member
        if (member.draft, member.draft_after_id) == (draft, after_id):
            return session, member
        found = session, await _set(tx, scope, session_id, {"draft": draft, "draft_after_id": after_id})
    _ring(scope, found)
    return found


async def move(scope: Scope, session_id: UUID, before: UUID | None) -> Seen:
    """Puts a session before another one in the viewer's own order, or last.

    Raises:
        NotFound: there is no such session, or none to put it before.
    """
    async with scope.write() as tx:
        session, member = await _locked(tx, scope, session_id)
        if before == session_id:
            return session, member
        if before is not None:
            await sessions.seen(tx, scope, before)
        position = await _position(tx, scope.viewer.id, session_id, before)
        if before is not None and len(position) > ordering.LONGEST:
            found = session, await _squeeze(tx, scope, session_id, before)
        else:
            found = session, await _set(tx, scope, session_id, {"position": position})
    _ring(scope, found)
    return found


async def _position(tx: AsyncSession, user_id: UUID, session_id: UUID, before: UUID | None) -> str:
    """The place before another session. The first place of all is that of a new session: the next one comes before."""
    low, high = await memberships.gap(tx, user_id, session_id, before)
    if not low and high is not None and (first := await memberships.first_place(tx)) < high:
        return first
    return ordering.between(low, high)


async def _squeeze(tx: AsyncSession, scope: Scope, session_id: UUID, before: UUID) -> Membership:
    """Puts a session before another one where places have become long, and gives its neighbours others, too."""
    user_id, high = scope.viewer.id, None
    in_front, behind = await memberships.neighbours(tx, user_id, session_id, before, _NEIGHBOURS)
    if len(in_front) == _NEIGHBOURS:
        low, in_front = in_front[0][1], in_front[1:]
    else:
        first = await memberships.first_place(tx)
        low = first if first < [*in_front, *behind][0][1] else ""
    if len(behind) == _NEIGHBOURS:
        high, behind = behind[-1][1], behind[:-1]
    near = [*in_front, *behind]
    place, others = ordering.room([place for _, place in near], len(in_front), low, high)
    seq = await users.advance(tx, user_id, len(others) + 1)
    for number, (index, other) in enumerate(others, start=seq - len(others)):
        await memberships.change(tx, near[index][0], user_id, number, {"position": other})
    return await memberships.change(tx, session_id, user_id, seq, {"position": place})


async def _change(scope: Scope, session_id: UUID, values: dict[str, Any]) -> Seen:
    """Sets what is not so yet."""
    async with scope.write() as tx:
        session, member = await _locked(tx, scope, session_id)
        if all(getattr(member, name) == value for name, value in values.items()):
            return session, member
        found = session, await _set(tx, scope, session_id, values)
    _ring(scope, found)
    return found


async def _locked(tx: AsyncSession, scope: Scope, session_id: UUID) -> Seen:
    """The session as the viewer sees it, and until the commit nobody else sets anything in their account."""
    made(tx, session=session_id)
    await users.advance(tx, scope.viewer.id, 0)
    return await sessions.seen(tx, scope, session_id)


async def _set(tx: AsyncSession, scope: Scope, session_id: UUID, values: dict[str, Any]) -> Membership:
    seq = await users.advance(tx, scope.viewer.id)
    return await memberships.change(tx, session_id, scope.viewer.id, seq, values)


def _ring(scope: Scope, seen: Seen) -> None:
    sessions.ring_members(scope.process, {scope.viewer.id: seen[1].seq})
