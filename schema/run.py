"""One attempt to generate a reply."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db import models, rows
from schema import choice, identifier
from schema.agent import Agent
from schema.context import Info
from schema.failure import Failure
from schema.message import Message
from schema.node import Node
from schema.usage import Usage

choice.describe(
    models.RunStatus,
    "How far a run is: waiting, at work, waiting for a person, or ended in one of four ways.",
    QUEUED="It waits for its turn.",
    RUNNING="It is at work.",
    AWAITING_INPUT="It waits for a person's answer.",
    COMPLETED="The reply is whole.",
    FAILED="It could not go on; `error` says why.",
    CANCELLED="Somebody stopped it.",
    INTERRUPTED="Its producer was lost, or the server stopped.",
)
choice.describe(
    models.Executor,
    "Who generates the reply of a run.",
    SERVER="The server, with one of its models.",
    APP="An app, with an agent of its own.",
)


@strawberry.type(description="What a run asks a person.")
class Question:
    """Asked by a producer, answered by whoever is first."""

    id: strawberry.ID = strawberry.field(description="Its id, which the answer names.")
    text: str = strawberry.field(description="What is asked.")
    data: JSON = strawberry.field(description="A JSON object for the app's own use.")
    answer: JSON | None = strawberry.field(description="The answer, once there is one.")
    answered_by: strawberry.ID | None = strawberry.field(description="The account that answered.")

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> Self | None:
        """The stored question, if there is one."""
        if stored is None:
            return None
        return cls(
            id=stored["id"],
            text=stored["text"],
            data=JSON(stored["data"]),
            answer=None if stored["answer"] is None else JSON(stored["answer"]),
            answered_by=stored["answeredBy"],
        )


async def _message(run: strawberry.Parent["Run"], info: Info) -> Message | None:
    row = await info.context.messages.load(run.message_id)
    return None if row is None else Message.of(row)


async def _agent(run: strawberry.Parent["Run"], info: Info) -> Agent | None:
    row = None if run.agent_id is None else await info.context.agents.load(run.agent_id)
    return None if row is None else Agent.of(row)


@strawberry.type(description="One attempt to generate a reply. It goes on whether or not anybody watches.")
class Run(Node):
    """A run as a member of its session sees it."""

    session_id: strawberry.ID = strawberry.field(description="The session that it is in.")
    message_id: strawberry.Private[UUID]
    message: Message | None = strawberry.field(resolver=_message, description="The reply that it writes.")
    agent_id: strawberry.Private[UUID | None]
    agent: Agent | None = strawberry.field(resolver=_agent, description="The agent that answers, if one was named.")
    status: models.RunStatus = strawberry.field(description="How far it is. The four ends are final.")
    executor: models.Executor = strawberry.field(description="Who generates the reply.")
    epoch: int = strawberry.field(description="Rises when a producer takes the run, who names it in every call.")
    lease_until: datetime | None = strawberry.field(
        description="Until when its producer holds it without a sign of life. Then it is interrupted."
    )
    cancel_requested: bool = strawberry.field(description="Whether someone has asked for its end.")
    question: Question | None = strawberry.field(
        description="What it asks a person, if it is `AWAITING_INPUT`; or what it asked last, with the answer."
    )
    error: Failure | None = strawberry.field(description="Why it failed.")
    usage: Usage | None = strawberry.field(description="What it cost, once it is known.")
    provider: str | None = strawberry.field(
        description="The provider that answered: another than the agent's where that was down and a fallback answered."
    )
    model: str | None = strawberry.field(description="The model that answered, as its provider names it.")
    finish_reason: models.FinishReason | None = strawberry.field(description="Why the model stopped, where it tells.")
    finish_word: str | None = strawberry.field(description="The provider's own word for that.")
    first_token_at: datetime | None = strawberry.field(description="When the first token came; told when it is over.")
    created_at: datetime = strawberry.field(description="When it was queued.")
    started_at: datetime | None = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")

    @classmethod
    def of(cls, row: models.Run | rows.Run) -> Self:
        """The row as clients see it."""
        return cls(
            id=identifier.of(row.id),
            session_id=identifier.of(row.session_id),
            message_id=row.message_id,
            agent_id=row.agent_id,
            status=row.status,
            executor=row.executor,
            epoch=row.epoch,
            lease_until=row.lease_until,
            cancel_requested=row.cancel_requested_at is not None,
            question=Question.of(row.question),
            error=Failure.of(row.error),
            usage=Usage.of(row.usage),
            provider=row.provider,
            model=row.model,
            finish_reason=row.finish_reason,
            finish_word=row.finish_word,
            first_token_at=row.first_token_at,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
