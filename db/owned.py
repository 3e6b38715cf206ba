"""What accounts make for themselves: projects, agents, folders, templates."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Owned
from db.page import Page, Span, descending


async def add[Kind: Owned](tx: AsyncSession, row: Kind) -> Kind:
    """Stores a new row.

    Raises:
        sqlalchemy.exc.IntegrityError: its id is taken.
    """
    tx.add(row)
    await tx.flush()
    return row


async def get[Kind: Owned](tx: AsyncSession, kind: type[Kind], row_id: UUID) -> Kind | None:
    """The row, deleted or not, if the transaction may see it."""
    return await tx.get(kind, row_id)


async def there[Kind: Owned](tx: AsyncSession, kind: type[Kind], row_id: UUID) -> Kind | None:
    """The same, if it is not deleted."""
    found = await tx.get(kind, row_id)
    return None if found is None or found.deleted_at is not None else found


async def of_ids[Kind: Owned](tx: AsyncSession, kind: type[Kind], ids: Sequence[UUID]) -> Mapping[UUID, Kind]:
    """Those of the rows that exist."""
    query = select(kind).where(kind.id.in_(ids), kind.deleted_at.is_(None))
    return {row.id: row for row in await tx.scalars(query)}


async def page[Kind: Owned](
    tx: AsyncSession, kind: type[Kind], which: ColumnElement[bool], span: Span[tuple[datetime, UUID]]
) -> Page[Kind]:
    """Some of them, newest first; the key is `(created_at, id)`."""
    query = select(kind).where(which, kind.deleted_at.is_(None))
    age = kind.created_at.expression, kind.id.expression
    return Page.of((await tx.scalars(descending(query, span, *age))).all(), span)


async def count(tx: AsyncSession, kind: type[Owned], which: ColumnElement[bool]) -> int:
    """How many of them there are on all pages."""
    query = select(func.count()).select_from(kind).where(which, kind.deleted_at.is_(None))
    return (await tx.scalars(query)).one()


async def change[Kind: Owned](
    tx: AsyncSession, kind: type[Kind], row_id: UUID, seq: int, values: Mapping[str, Any]
) -> Kind:
    """Sets fields of a row."""
    query = update(kind).where(kind.id == row_id).values(seq=seq, **values).returning(kind)
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one()


async def changed[Kind: Owned](
    tx: AsyncSession, kind: type[Kind], owner_id: UUID, after: int, limit: int
) -> Sequence[Kind]:
    """What of the owner's changed after a number of the account scope, deletions included, in that order."""
    query = select(kind).where(kind.owner_id == owner_id, kind.seq > after).order_by(kind.seq).limit(limit)
    return (await tx.scalars(query)).all()
