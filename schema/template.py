"""What new sessions begin with."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db import models
from schema import identifier
from schema.agent import Agent
from schema.context import Info
from schema.node import Node
from schema.role import MessageRole


@strawberry.type(description="A message that a session begins with.")
class TemplateMessage:
    """Something that is said already."""

    role: MessageRole = strawberry.field(description="Who speaks.")
    text: str = strawberry.field(description="What is said.")


async def _agent(template: strawberry.Parent["Template"], info: Info) -> Agent | None:
    row = None if template.agent_id is None else await info.context.agents.load(template.agent_id)
    return None if row is None else Agent.of(row)


@strawberry.type(description="What new sessions begin with. It is its owner's alone.")
class Template(Node):
    """A template as its owner sees it."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    description: str | None = strawberry.field(description="What it is good for.")
    agent_id: strawberry.Private[UUID | None]
    agent: Agent | None = strawberry.field(resolver=_agent, description="The agent that answers, if one is named.")
    title: str | None = strawberry.field(description="The title of a session that is given none.")
    instructions: str | None = strawberry.field(
        description="What the model is told in the session: its first message, of the role `SYSTEM`."
    )
    messages: list[TemplateMessage] = strawberry.field(description="What is said already, in order.")
    begins: bool = strawberry.field(description="Whether the agent speaks first, as soon as the session is made.")
    metadata: JSON = strawberry.field(description="What a session's metadata begin with.")
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Template) -> Self:
        """The row as clients see it."""
        return cls(
            id=identifier.of(row.id),
            name=row.name,
            description=row.description,
            agent_id=row.agent_id,
            title=row.title,
            instructions=row.instructions,
            messages=[TemplateMessage(role=MessageRole(each["role"]), text=each["text"]) for each in row.messages],
            begins=row.begins,
            metadata=JSON(row.meta),
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
