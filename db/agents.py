"""Agents: an account's own, and those that are there for everybody."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlalchemy.ext.asyncio import AsyncSession

from db import owned
from db.models import Agent
from db.page import Page, Span


def _of(owner_id: UUID) -> ColumnElement[bool]:
    return or_(Agent.owner_id == owner_id, Agent.owner_id.is_(None))


async def page(tx: AsyncSession, owner_id: UUID, span: Span[tuple[datetime, UUID]]) -> Page[Agent]:
    """The owner's agents and those for everybody; see `db.owned.page`."""
    return await owned.page(tx, Agent, _of(owner_id), span)


async def count(tx: AsyncSession, owner_id: UUID) -> int:
    """How many agents the owner can choose from."""
    return await owned.count(tx, Agent, _of(owner_id))
