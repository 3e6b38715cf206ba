"""Agents: list and change."""

from dataclasses import asdict
from typing import Annotated

import strawberry

from chat.library import agents
from chat.library.agents import Character
from schema import connection, identifier
from schema.agent import Agent, AgentConnection
from schema.connection import After, Before, First, Last
from schema.context import Info
from schema.given import given
from schema.input import AgentLimitsInput, CreateAgentInput, EditAgentInput
from schema.payload import AgentPayload, DeleteAgentPayload
from schema.repeat import Key, once
from schema.result import CreateAgentResult, DeleteAgentResult, EditAgentResult

PAGE = 50

AgentId = Annotated[strawberry.ID, strawberry.argument(description="The agent's id.")]


async def agent(info: Info, id: AgentId) -> Agent | None:
    """One agent."""
    row = await info.context.agents.load(identifier.parse("id", id))
    return None if row is None else Agent.of(row)


async def page(
    info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
) -> AgentConnection:
    """The agents that the viewer can choose from."""
    scope = info.context.scope
    span = connection.span(connection.dated("agent"), first, after, last, before, default=PAGE)
    return AgentConnection.of(
        await agents.page(scope, span),
        Agent.of,
        lambda row: connection.encode("agent", row.created_at, row.id),
        lambda: agents.count(scope),
    )


async def create(
    info: Info,
    input: Annotated[CreateAgentInput, strawberry.argument(description="The agent.")],
    client_mutation_id: Key = None,
) -> CreateAgentResult:
    """Makes an agent."""
    scope = once(info, "createAgent", client_mutation_id, input)
    return AgentPayload(
        agent=Agent.of(await agents.create(scope, _character(input), agent_id=identifier.optional("id", input.id)))
    )


async def edit(
    info: Info,
    input: Annotated[EditAgentInput, strawberry.argument(description="What to change.")],
    client_mutation_id: Key = None,
) -> EditAgentResult:
    """Changes an agent."""
    row = await agents.edit(
        once(info, "editAgent", client_mutation_id, input),
        identifier.parse("id", input.id),
        _character(input),
        expected_version=input.expected_version,
    )
    return AgentPayload(agent=Agent.of(row))


def _character(input: CreateAgentInput | EditAgentInput) -> Character:
    limits = given(input.limits, AgentLimitsInput())
    return Character(
        name=input.name,
        description=given(input.description, ""),
        instructions=given(input.instructions, ""),
        provider=given(input.provider, ""),
        model=given(input.model, ""),
        parameters=given(input.parameters, {}),
        context_tokens=given(input.context_tokens, 0),
        metadata=given(input.metadata, {}),
        active_sessions=given(input.active_sessions, 0),
        when_full=input.when_full,
        limits=None if limits is None else asdict(limits),
    )


async def delete(info: Info, id: AgentId, client_mutation_id: Key = None) -> DeleteAgentResult:
    """Deletes an agent."""
    row = await agents.delete(once(info, "deleteAgent", client_mutation_id, id), identifier.parse("id", id))
    return DeleteAgentPayload(id=identifier.of(row.id))
