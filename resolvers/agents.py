"""Agents: list."""

from typing import Annotated
from uuid import UUID

import strawberry

from chat import agents
from schema import connection, identifier
from schema.agent import Agent, AgentConnection
from schema.connection import After, Before, First, Last
from schema.context import Info

PAGE = 50


async def agent(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The agent's id.")]
) -> Agent | None:
    """One agent."""
    row = await info.context.agents.load(identifier.parse("id", id))
    return None if row is None else Agent.of(row)


async def page(
    info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
) -> AgentConnection:
    """The agents that the viewer can choose from."""
    scope = info.context.scope
    span = connection.span(_key, first, after, last, before, default=PAGE)
    return AgentConnection.of(
        await agents.page(scope, span),
        Agent.of,
        lambda row: connection.encode("agent", row.id),
        lambda: agents.count(scope),
    )


def _key(field: str, cursor: str) -> tuple[UUID]:
    (agent_id,) = connection.decode("agent", field, cursor)
    return (UUID(agent_id),)
