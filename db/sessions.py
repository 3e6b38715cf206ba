"""Sessions, and the counter of the session scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import rows
from db.models import Branch, Membership, Session
from db.page import Page, Span
from db.reader import Reader, Statement

ALIVE = Session.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a member's sessions are meant; None does not restrict."""

    project_id: UUID | None = None
    agent_id: UUID | None = None
    archived: bool | None = None

    def conditions(self, user_id: UUID) -> list[ColumnElement[bool]]:
        """The same in SQL, over `Membership` joined with `Session`."""
        conditions: list[ColumnElement[bool]] = [Membership.user_id == user_id, Session.deleted_at.is_(None)]
        if self.project_id is not None:
            conditions.append(Session.project_id == self.project_id)
        if self.agent_id is not None:
            conditions.append(Session.agent_id == self.agent_id)
        if self.archived is not None:
            archived = Membership.archived_at
            conditions.append(archived.is_not(None) if self.archived else archived.is_(None))
        return conditions


async def add(tx: AsyncSession, session: Session, owner: Membership) -> Session:
    """Stores a new session with its first branch and its owner's membership.

    Raises:
        sqlalchemy.exc.IntegrityError: its id, or the owner's external id, is taken.
    """
    tx.add(session)
    await tx.flush()
    tx.add(owner)
    await tx.flush()  # row security lets only members add a branch
    tx.add(Branch(session_id=session.id, number=0, lineage=[0], starts=[0]))
    await tx.flush()
    return session


async def get(tx: AsyncSession, session_id: UUID) -> Session | None:
    """The session, deleted or not, if the transaction may see it."""
    return await tx.get(Session, session_id)


async def with_membership(tx: AsyncSession, session_id: UUID, user_id: UUID) -> tuple[Session, Membership] | None:
    """A session that is not deleted, as this member sees it."""
    query = (
        select(Session, Membership)
        .join(Membership, Membership.session_id == Session.id)
        .where(Session.id == session_id, Session.deleted_at.is_(None), Membership.user_id == user_id)
    )
    found = (await tx.execute(query, execution_options={"populate_existing": True})).one_or_none()
    return (found[0], found[1]) if found else None


_OF_IDS = Statement.of(
    f"""
    SELECT {rows.SEEN_COLUMNS}
    FROM sessions AS session JOIN memberships AS member ON member.session_id = session.id AND member.user_id = $1
    WHERE session.id = ANY ($2::uuid[]) AND session.deleted_at IS NULL
    """,
    rows.Seen,
)


async def of_ids(reader: Reader, session_ids: Sequence[UUID]) -> Mapping[UUID, rows.Seen]:
    """Those of the sessions that exist, as the reader's viewer sees them."""
    return {row.id: row for row in await reader.all(_OF_IDS, session_ids)}


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a member's sessions, and where the account stood at that moment."""

    page: Page[rows.Seen]
    epoch: int
    head: int


def _page(order: str) -> Statement[rows.Seen]:
    # The sessions are looked up one by one, in the order of the memberships' index, until there are enough.
    return Statement.of(
        f"""
        SELECT account.epoch AS account_epoch, account.head AS account_head, listed.*
        FROM users AS account LEFT JOIN LATERAL (
            SELECT {rows.SEEN_COLUMNS}
            FROM memberships AS member CROSS JOIN LATERAL (
                SELECT * FROM sessions WHERE id = member.session_id OFFSET 0
            ) AS session
            WHERE member.user_id = $1 AND session.deleted_at IS NULL
                AND (member.last_activity_at, member.session_id)
                    < (coalesce($3::timestamptz, 'infinity'), coalesce($4::uuid, '{UUID(int=2**128 - 1)}'))
                AND (member.last_activity_at, member.session_id)
                    > (coalesce($5::timestamptz, '-infinity'), coalesce($6::uuid, '{UUID(int=0)}'))
                AND ($7::uuid IS NULL OR session.project_id = $7)
                AND ($8::uuid IS NULL OR session.agent_id = $8)
                AND ($9::bool IS NULL OR (member.archived_at IS NOT NULL) = $9)
            ORDER BY member.last_activity_at {order}, member.session_id {order}
            LIMIT $2::int
        ) AS listed ON true
        WHERE account.id = $1
        ORDER BY listed.last_activity_at {order}, listed.id {order}
        """,
        rows.Seen,
    )


_PAGE, _PAGE_BACKWARD = _page("DESC"), _page("ASC")


async def page(reader: Reader, span: Span[tuple[datetime, UUID]], where: Filter) -> Listing:
    """The sessions of the reader's viewer, newest activity first; the key is `(last_activity_at, id)`."""
    after, before = span.after or (None, None), span.before or (None, None)
    found = await reader.all(
        _PAGE_BACKWARD if span.backward else _PAGE,
        span.limit + 1,
        *after,
        *before,
        where.project_id,
        where.agent_id,
        where.archived,
    )
    seen = [] if found[0]["id"] is None else found
    return Listing(Page.of(seen, span), found[0]["account_epoch"], found[0]["account_head"])


async def count(tx: AsyncSession, user_id: UUID, where: Filter) -> int:
    """How many of a member's sessions the filter leaves."""
    query = (
        select(func.count())
        .select_from(Membership)
        .join(Session, Membership.session_id == Session.id)
        .where(*where.conditions(user_id))
    )
    return (await tx.scalars(query)).one()


async def advance(
    tx: AsyncSession,
    session_id: UUID,
    count: int = 1,
    *,
    where: Sequence[ColumnElement[bool]] = (ALIVE,),
    **values: Any,
) -> Session | None:
    """Takes `count` numbers of the session scope and sets fields; `head` is then the last number.

    The row stays locked to the commit. None where the session is not to be seen or not as `where` says, by default:
    where it is deleted.
    """
    query = (
        update(Session)
        .where(Session.id == session_id, *where)
        .values(head=Session.head + count, **values)
        .returning(Session)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one_or_none()


async def heads(tx: AsyncSession, session_ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, int]]:
    """Where each of the session scopes stands: its epoch, and the last number taken in it."""
    query = select(Session.id, Session.epoch, Session.head).where(Session.id.in_(session_ids))
    return {session_id: (epoch, head) for session_id, epoch, head in await tx.execute(query)}
