"""Agents: who answers."""

from collections.abc import Sequence
from uuid import UUID

from chat.scope import Scope
from db import agents
from db.models import Agent
from db.page import Page, Span


async def of_ids(scope: Scope, agent_ids: Sequence[UUID]) -> Sequence[Agent | None]:
    """The agents in the order of their ids."""
    async with scope.tx() as tx:
        found = await agents.of_ids(tx, agent_ids)
    return [found.get(agent_id) for agent_id in agent_ids]


async def page(scope: Scope, span: Span[tuple[UUID]]) -> Page[Agent]:
    """The agents that the viewer can choose from, newest first."""
    async with scope.tx() as tx:
        return await agents.page(tx, scope.viewer.id, span)


async def count(scope: Scope) -> int:
    """How many agents the viewer can choose from."""
    async with scope.tx() as tx:
        return await agents.count(tx, scope.viewer.id)
