"""Sessions, and the counter of the session scope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Branch, Membership, Session
from db.page import Page, Span, descending

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


async def of_ids(
    tx: AsyncSession, session_ids: Sequence[UUID], user_id: UUID
) -> Mapping[UUID, tuple[Session, Membership]]:
    """Those of the sessions that exist, as this member sees them."""
    query = (
        select(Session, Membership)
        .join(Membership, Membership.session_id == Session.id)
        .where(Session.id.in_(session_ids), Session.deleted_at.is_(None), Membership.user_id == user_id)
    )
    return {session.id: (session, membership) for session, membership in (await tx.execute(query))}


async def page(
    tx: AsyncSession, user_id: UUID, span: Span[tuple[datetime, UUID]], where: Filter
) -> Page[tuple[Session, Membership]]:
    """A member's sessions, newest activity first; the key is `(last_activity_at, id)`."""
    query = (
        select(Session, Membership)
        .join(Membership, Membership.session_id == Session.id)
        .where(*where.conditions(user_id))
    )
    query = descending(query, span, Membership.last_activity_at.expression, Membership.session_id.expression)
    return Page.of((await tx.execute(query)).all(), span)


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
