"""Projects."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Project
from db.page import Page, Span, descending


async def page(tx: AsyncSession, owner_id: UUID, span: Span[tuple[UUID]]) -> Page[Project]:
    """The owner's projects, newest first; the key is `(id,)`."""
    query = select(Project).where(Project.owner_id == owner_id, Project.deleted_at.is_(None))
    return Page.of((await tx.scalars(descending(query, span, Project.id.expression))).all(), span)
