"""Agents: an account's own, and those that are there for everybody."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Agent
from db.page import Page, Span, descending


def _of(owner_id: UUID) -> ColumnElement[bool]:
    return or_(Agent.owner_id == owner_id, Agent.owner_id.is_(None)) & Agent.deleted_at.is_(None)


async def page(tx: AsyncSession, owner_id: UUID, span: Span[tuple[UUID]]) -> Page[Agent]:
    """The owner's agents, newest first, and those for everybody; the key is `(id,)`."""
    query = select(Agent).where(_of(owner_id))
    return Page.of((await tx.scalars(descending(query, span, Agent.id.expression))).all(), span)


async def count(tx: AsyncSession, owner_id: UUID) -> int:
    """How many agents the owner can choose from."""
    return (await tx.scalars(select(func.count()).select_from(Agent).where(_of(owner_id)))).one()
