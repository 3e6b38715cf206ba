"""How members see their sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, func, literal, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements
from db.models import Membership, Session, User
from db.models.session import NEWEST_FIRST

_TOUCH = "SELECT member, head FROM transom_touch_members($1, $2, $3, $4, $5)"
_RENEW = "SELECT transom_renew_news($1)"


async def get(tx: AsyncSession, session_id: UUID, user_id: UUID) -> Membership | None:
    """The membership, if the transaction may see it."""
    return await tx.get(Membership, (session_id, user_id))


async def touch(
    tx: AsyncSession,
    session_id: UUID,
    activity: datetime | None = None,
    *,
    news: int | None = None,
    author_id: UUID | None = None,
    sent_id: UUID | None = None,
) -> Mapping[UUID, int]:
    """Tells all members' account scopes that the session changed; returns each member's new head.

    Takes one number in every member's account scope, in the order of their ids, whose rows stay locked to the
    commit; so it comes after the session's own row. `activity` moves the session up in their lists. `news` is the
    session's number at which something was said: that is new to all but its author, who has read what is before it.
    `sent_id` is what the author said, if it was what they were about to say: it takes their draft away.
    """
    return dict(await statements.fetch(tx, _TOUCH, session_id, activity, news, author_id, sent_id))


def note_said(author: Membership, news: int, sent_id: UUID | None) -> None:
    """Sets in the object of an author, which nobody watches, what `touch` has stored of them."""
    author.read_seq, author.marked_unread = max(author.read_seq, news), False
    if sent_id is not None:
        author.draft = author.draft if author.draft_after_id == sent_id else None
        author.last_sent_id = sent_id


async def renew_news(tx: AsyncSession, session_id: UUID) -> None:
    """Finds out for all members what is the newest to read, after messages went or came back. Comes after `touch`."""
    await statements.fetch(tx, _RENEW, session_id)


async def heads(tx: AsyncSession, session_id: UUID) -> Mapping[UUID, int]:
    """Where the account scopes of a session's members stand."""
    query = select(User.id, User.head).join(Membership, Membership.user_id == User.id)
    found = await tx.execute(query.where(Membership.session_id == session_id))
    return {user.id: user.head for user in found}


async def change(tx: AsyncSession, session_id: UUID, user_id: UUID, seq: int, values: Mapping[str, Any]) -> Membership:
    """Sets what is personal to one member."""
    query = (
        update(Membership)
        .where(Membership.session_id == session_id, Membership.user_id == user_id)
        .values(seq=seq, **values)
        .returning(Membership)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one()


async def gap(tx: AsyncSession, user_id: UUID, moved: UUID, before: UUID | None) -> tuple[str, str | None]:
    """The places between which one goes that is put before another session of the member, or last."""
    place, low = (Membership.position, Membership.session_id), select(func.max(Membership.position))
    mine = (Membership.user_id == user_id, Membership.session_id != moved)
    if before is None:
        return (await tx.scalars(low.where(*mine))).one() or "", None
    high = (await tx.scalars(select(Membership.position).where(*mine, Membership.session_id == before))).one()
    return (await tx.scalars(low.where(*mine, tuple_(*place) < (high, before)))).one() or "", high


async def neighbours(
    tx: AsyncSession, user_id: UUID, moved: UUID, before: UUID, most: int
) -> tuple[Sequence[tuple[UUID, str]], Sequence[tuple[UUID, str]]]:
    """The member's sessions nearest to another one, with their places in order: those before it, and it and the rest.

    At most so many of each; the one that is moved is in neither.
    """
    place = (Membership.position, Membership.session_id)
    query = select(Membership.session_id, Membership.position).where(
        Membership.user_id == user_id, Membership.session_id != moved
    )
    high = (await tx.execute(query.where(Membership.session_id == before))).one()
    border = (high.position, before)
    first = query.where(tuple_(*place) < border).order_by(*(each.desc() for each in place)).limit(most)
    second = query.where(tuple_(*place) >= border).order_by(*place).limit(most)
    in_front, behind = [(await tx.execute(each)).all() for each in (first, second)]
    return in_front[::-1], behind


async def first_place(tx: AsyncSession) -> str:
    """The place of a session that is made now, in the order of each of its members."""
    place: str = (await tx.scalars(text(f"SELECT {NEWEST_FIRST}"))).one()
    return place


async def active(tx: AsyncSession, user_id: UUID, agent_id: UUID) -> Sequence[UUID]:
    """A member's sessions with an agent that are not archived, those that have been quiet for longest first."""
    query = (
        select(Membership.session_id)
        .join(Session, Session.id == Membership.session_id)
        .where(
            Membership.user_id == user_id,
            Membership.archived_at.is_(None),
            Session.agent_id == agent_id,
            Session.deleted_at.is_(None),
        )
        .order_by(Membership.last_activity_at, Membership.session_id)
    )
    return (await tx.scalars(query)).all()


async def changed(tx: AsyncSession, user_id: UUID, after: int, limit: int) -> Sequence[tuple[Session, Membership]]:
    """What changed in a member's list after a number of the account scope, deletions included, in that order."""
    query = (
        select(Session, Membership)
        .join(Membership, Membership.session_id == Session.id)
        .where(Membership.user_id == user_id, Membership.seq > after)
        .order_by(Membership.seq)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def held(tx: AsyncSession, pairs: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], int | None]:
    """Those of the `(session, user)` pairs that are still members of a session that is not deleted.

    And the branch that each has chosen.
    """
    sessions, users = zip(*pairs, strict=True)
    asked = func.unnest(literal(sessions, ARRAY(Uuid)), literal(users, ARRAY(Uuid)))
    pair = asked.table_valued("session_id", "user_id").render_derived()
    query = (
        select(Membership.session_id, Membership.user_id, Membership.branch)
        .join(pair, (Membership.session_id == pair.c.session_id) & (Membership.user_id == pair.c.user_id))
        .join(Session, Session.id == Membership.session_id)
        .where(Session.deleted_at.is_(None))
    )
    return {(session_id, user_id): branch for session_id, user_id, branch in await tx.execute(query)}
