"""Projects."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Project
from db.page import Page, Span, descending


async def add(tx: AsyncSession, project: Project) -> Project:
    """Stores a new project.

    Raises:
        sqlalchemy.exc.IntegrityError: its id is taken.
    """
    tx.add(project)
    await tx.flush()
    return project


async def get(tx: AsyncSession, project_id: UUID) -> Project | None:
    """The project, deleted or not, if the transaction may see it."""
    return await tx.get(Project, project_id)


async def of_ids(tx: AsyncSession, project_ids: Sequence[UUID]) -> Mapping[UUID, Project]:
    """Those of the projects that exist."""
    query = select(Project).where(Project.id.in_(project_ids), Project.deleted_at.is_(None))
    return {project.id: project for project in await tx.scalars(query)}


async def page(tx: AsyncSession, owner_id: UUID, span: Span[tuple[UUID]]) -> Page[Project]:
    """The owner's projects, newest first; the key is `(id,)`."""
    query = select(Project).where(Project.owner_id == owner_id, Project.deleted_at.is_(None))
    return Page.of((await tx.scalars(descending(query, span, Project.id.expression))).all(), span)


async def count(tx: AsyncSession, owner_id: UUID) -> int:
    """How many projects the owner has."""
    query = select(func.count()).select_from(Project).where(Project.owner_id == owner_id, Project.deleted_at.is_(None))
    return (await tx.scalars(query)).one()


async def change(tx: AsyncSession, project_id: UUID, seq: int, values: Mapping[str, Any]) -> Project | None:
    """Sets fields of a project that is not deleted; None where there is none."""
    query = (
        update(Project)
        .where(Project.id == project_id, Project.deleted_at.is_(None))
        .values(seq=seq, **values)
        .returning(Project)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one_or_none()


async def changed(tx: AsyncSession, owner_id: UUID, after: int, limit: int) -> Sequence[Project]:
    """What changed after a number of the account scope, deletions included, in that order."""
    query = select(Project).where(Project.owner_id == owner_id, Project.seq > after).order_by(Project.seq).limit(limit)
    return (await tx.scalars(query)).all()
