"""Agents: an account's own, and those that are there for everybody."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Agent
from db.page import Page, Span, descending


def _of(owner_id: UUID) -> ColumnElement[bool]:
    return or_(Agent.owner_id == owner_id, Agent.owner_id.is_(None)) & Agent.deleted_at.is_(None)


async def add(tx: AsyncSession, agent: Agent) -> Agent:
    """Stores a new agent.

    Raises:
        sqlalchemy.exc.IntegrityError: its id is taken.
    """
    tx.add(agent)
    await tx.flush()
    return agent


async def get(tx: AsyncSession, agent_id: UUID) -> Agent | None:
    """The agent, deleted or not, if the transaction may see it."""
    return await tx.get(Agent, agent_id)


async def of_ids(tx: AsyncSession, agent_ids: Sequence[UUID]) -> Mapping[UUID, Agent]:
    """Those of the agents that exist."""
    query = select(Agent).where(Agent.id.in_(agent_ids), Agent.deleted_at.is_(None))
    return {agent.id: agent for agent in await tx.scalars(query)}


async def page(tx: AsyncSession, owner_id: UUID, span: Span[tuple[UUID]]) -> Page[Agent]:
    """The owner's agents, newest first, and those for everybody; the key is `(id,)`."""
    query = select(Agent).where(_of(owner_id))
    return Page.of((await tx.scalars(descending(query, span, Agent.id.expression))).all(), span)


async def count(tx: AsyncSession, owner_id: UUID) -> int:
    """How many agents the owner can choose from."""
    return (await tx.scalars(select(func.count()).select_from(Agent).where(_of(owner_id)))).one()


async def change(tx: AsyncSession, agent_id: UUID, seq: int, values: Mapping[str, Any]) -> Agent:
    """Sets fields of an agent."""
    query = update(Agent).where(Agent.id == agent_id).values(seq=seq, **values).returning(Agent)
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one()


async def changed(tx: AsyncSession, owner_id: UUID, after: int, limit: int) -> Sequence[Agent]:
    """What of the owner's agents changed after a number of the account scope, in that order."""
    query = select(Agent).where(Agent.owner_id == owner_id, Agent.seq > after).order_by(Agent.seq).limit(limit)
    return (await tx.scalars(query)).all()
