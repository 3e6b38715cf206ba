"""Templates."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Template


async def add(tx: AsyncSession, template: Template) -> Template:
    """Stores a new template.

    Raises:
        sqlalchemy.exc.IntegrityError: its id is taken.
    """
    tx.add(template)
    await tx.flush()
    return template


async def get(tx: AsyncSession, template_id: UUID) -> Template | None:
    """The template, deleted or not, if the transaction may see it."""
    return await tx.get(Template, template_id)


async def of_ids(tx: AsyncSession, template_ids: Sequence[UUID]) -> Mapping[UUID, Template]:
    """Those of the templates that exist."""
    query = select(Template).where(Template.id.in_(template_ids), Template.deleted_at.is_(None))
    return {template.id: template for template in await tx.scalars(query)}


async def of_owner(tx: AsyncSession, owner_id: UUID) -> Sequence[Template]:
    """All the owner's templates by name."""
    query = select(Template).where(Template.owner_id == owner_id, Template.deleted_at.is_(None))
    return (await tx.scalars(query.order_by(func.lower(Template.name), Template.id))).all()


async def count(tx: AsyncSession, owner_id: UUID) -> int:
    """How many templates the owner has."""
    query = select(func.count()).select_from(Template)
    return (await tx.scalars(query.where(Template.owner_id == owner_id, Template.deleted_at.is_(None)))).one()


async def change(tx: AsyncSession, template_id: UUID, seq: int, values: Mapping[str, Any]) -> Template:
    """Sets fields of a template."""
    query = update(Template).where(Template.id == template_id).values(seq=seq, **values).returning(Template)
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one()


async def changed(tx: AsyncSession, owner_id: UUID, after: int, limit: int) -> Sequence[Template]:
    """What changed after a number of the account scope, deletions included, in that order."""
    query = select(Template).where(Template.owner_id == owner_id, Template.seq > after).order_by(Template.seq)
    return (await tx.scalars(query.limit(limit))).all()
