"""Templates."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Template


async def of_owner(tx: AsyncSession, owner_id: UUID) -> Sequence[Template]:
    """All the owner's templates by name."""
    query = select(Template).where(Template.owner_id == owner_id, Template.deleted_at.is_(None))
    return (await tx.scalars(query.order_by(func.transom_alphabetic(Template.name).collate("C"), Template.id))).all()
