"""Who answers."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db import models
from schema import identifier
from schema.connection import Connection
from schema.context import Info
from schema.limit import AgentLimits
from schema.node import Node
from schema.when_full import WhenFull


async def _session_count(agent: strawberry.Parent["Agent"], info: Info) -> int:
    return (await info.context.agent_tallies.load(UUID(agent.id))).sessions


@strawberry.type(description="Who answers in a session: instructions, a model and its parameters.")
class Agent(Node):
    """An agent that the viewer can choose."""

    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it is good for.")
    instructions: str | None = strawberry.field(description="What the model is told before every conversation.")
    provider: str | None = strawberry.field(description="The provider that runs it; the server's own where null.")
    model: str | None = strawberry.field(
        description="The provider's name of the model; or without `provider`, the `id` of one of `models`; the "
        "server's own where null."
    )
    context_tokens: int | None = strawberry.field(
        description="How many tokens the model reads and writes at once; null: what is known of it."
    )
    parameters: JSON = strawberry.field(
        description="Parameters of the model, such as `temperature` or `response_format`."
    )
    metadata: JSON = strawberry.field(description="A JSON object for the app's own use.")
    active_sessions: int | None = strawberry.field(
        description="How many sessions with it each member may have that are not archived; null: any number."
    )
    when_full: WhenFull = strawberry.field(description="What a new session does where there are as many.")
    limits: AgentLimits = strawberry.field(description="What each member may do with it.")
    session_count: int = strawberry.field(
        resolver=_session_count, description="How many sessions you have with it that you have not archived."
    )
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    shared: bool = strawberry.field(description="Whether it is there for everybody, not the viewer's own.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Agent) -> Self:
        """The row as clients see it."""
        return cls(
            id=identifier.of(row.id),
            name=row.name,
            description=row.description,
            instructions=row.instructions,
            provider=row.provider,
            model=row.model,
            context_tokens=row.context_tokens,
            parameters=JSON(row.parameters),
            metadata=JSON(row.meta),
            active_sessions=row.active_sessions,
            when_full=row.when_full,
            limits=AgentLimits.of(row.limits),
            version=row.version,
            shared=row.owner_id is None,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.type(description="A page of agents.")
class AgentConnection(Connection[Agent]):
    """The agents that the viewer can choose from."""
