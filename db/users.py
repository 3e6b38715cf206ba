"""Accounts, and the counter of the account scope."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db import rows
from db.models import User
from db.reader import Asked, Readers


async def of_subject(tx: AsyncSession, subject: str, *, name: str | None = None, email: str | None = None) -> User:
    """The account of this subject of the identity provider, made when it first comes."""
    query = select(User).where(User.subject == subject)
    found = (await tx.scalars(query)).one_or_none()
    if found is None:
        await tx.execute(insert(User).values(subject=subject, name=name, email=email).on_conflict_do_nothing())
        found = (await tx.scalars(query)).one()
    return found


async def get(tx: AsyncSession, user_id: UUID) -> User | None:
    """The account, if the transaction may see it."""
    return await tx.get(User, user_id)


_STANDING = Asked("SELECT epoch, head, horizon FROM users WHERE id = $1", rows.Standing)


async def standing(readers: Readers, user_id: UUID) -> rows.Standing | None:
    """Where the account stands; None: there is no such account."""
    return next(iter(await readers.fetch(_STANDING, user_id)), None)


async def advance(tx: AsyncSession, user_id: UUID, count: int = 1) -> int:
    """Takes `count` numbers of the account scope; returns the last. Its row stays locked to the commit."""
    query = update(User).where(User.id == user_id).values(head=User.head + count).returning(User.head)
    return (await tx.scalars(query, execution_options={"synchronize_session": False})).one()
