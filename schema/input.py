"""What clients send."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from chat.asking import WhenBusy
from db import models
from schema import choice

choice.describe(
    WhenBusy,
    "What to do where the session has a run that is not over.",
    QUEUE="Wait for its end.",
    REJECT="Refuse, as `Busy`.",
    INTERRUPT="Stop it, and take its place.",
    PARALLEL="Run beside it.",
)

ID_NOTE = "An id of your own making (a UUID). With it, the same call again returns what the first one made."


@strawberry.input(description="A project to make.")
class CreateProjectInput:
    """For `createProject`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")


@strawberry.input(description="What to change in a project. What you leave out stays.")
class EditProjectInput:
    """For `editProject`."""

    id: strawberry.ID = strawberry.field(description="The project.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    metadata: JSON | None = strawberry.field(default=None, description="Its new metadata, whole.")
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="An agent to make.")
class CreateAgentInput:
    """For `createAgent`."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    description: str | None = strawberry.field(default=None, description="What it is good for.")
    instructions: str | None = strawberry.field(
        default=None, description="What the model is told before every conversation; at most 100,000 characters."
    )
    provider: str | None = strawberry.field(default=None, description="The provider that runs it.")
    model: str | None = strawberry.field(default=None, description="The provider's name of the model.")
    parameters: JSON | None = strawberry.field(default=None, description="Parameters of the model: a JSON object.")
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")
    active_sessions: int | None = strawberry.field(
        default=None, description="How many sessions with it each member may have that are not archived."
    )
    when_full: models.WhenFull = strawberry.field(
        default=models.WhenFull.REJECT, description="What a new session does where there are as many."
    )


@strawberry.input(description="What to change in an agent. What you leave out stays; a blank text takes one away.")
class EditAgentInput:
    """For `editAgent`."""

    id: strawberry.ID = strawberry.field(description="The agent.")
    name: str | None = strawberry.field(default=None, description="Its new name.")
    description: str | None = strawberry.field(default=None, description="What it is good for.")
    instructions: str | None = strawberry.field(default=None, description="What the model is told from now on.")
    provider: str | None = strawberry.field(default=None, description="The provider that runs it.")
    model: str | None = strawberry.field(default=None, description="The provider's name of the model.")
    parameters: JSON | None = strawberry.field(default=None, description="Its new parameters, whole.")
    metadata: JSON | None = strawberry.field(default=None, description="Its new metadata, whole.")
    active_sessions: int | None = strawberry.field(
        default=None, description="How many sessions with it each member may have that are not archived; 0: any number."
    )
    when_full: models.WhenFull | None = strawberry.field(
        default=None, description="What a new session does where there are as many."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="A session to make.")
class CreateSessionInput:
    """For `createSession`, and for the first message of a new session."""

    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    project_id: strawberry.ID | None = strawberry.field(default=None, description="The project to put it in.")
    agent_id: strawberry.ID | None = strawberry.field(default=None, description="The agent that is to answer.")
    title: str | None = strawberry.field(
        default=None, description="Its title; without it, one is made from the first exchange."
    )
    external_id: str | None = strawberry.field(default=None, description="What your app calls it; unique among yours.")
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")


@strawberry.input(description="What to change in a session. What you leave out stays.")
class EditSessionInput:
    """For `editSession`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    title: str | None = strawberry.field(default=None, description="Its new title. No automatic title replaces it.")
    project_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The project to put it in; null takes it out of its project."
    )
    agent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The agent that is to answer from now on; null leaves it to the server."
    )
    metadata: JSON | None = strawberry.field(default=None, description="Its new metadata, whole.")
    archived: bool | None = strawberry.field(default=None, description="Whether you have put it away. Yours alone.")
    expected_version: int | None = strawberry.field(
        default=None, description="Change it only if this is its version still."
    )


@strawberry.input(description="A message to send. Give `sessionId`, or leave it out to begin a new session.")
class SendMessageInput:
    """For `sendMessage`."""

    text: str = strawberry.field(description="What you say; at most 200,000 characters.")
    session_id: strawberry.ID | None = strawberry.field(default=None, description="The session to say it in.")
    new_session: CreateSessionInput | None = strawberry.field(
        default=None, description="What a new session is to begin with."
    )
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    parent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The message that it follows; null for the beginning. Where that message is answered already, "
        "a new branch begins. Without it, it goes to the end of the branch that you see."
    )
    reply: bool = strawberry.field(
        default=True, description="Whether the server answers. If not, your app does, by `startRun`."
    )
    when_busy: WhenBusy = strawberry.field(
        default=WhenBusy.QUEUE, description="What to do while another reply is being written."
    )
    metadata: JSON | None = strawberry.field(default=None, description="A JSON object for your own use.")
    client_created_at: datetime | None = strawberry.field(
        default=None, description="When it was written by your clock, if that was earlier than now."
    )


@strawberry.input(description="Which sessions to list. What you leave out does not restrict.")
class SessionFilter:
    """For `sessions`."""

    project_id: strawberry.ID | None = strawberry.field(default=None, description="Only those in this project.")
    agent_id: strawberry.ID | None = strawberry.field(default=None, description="Only those with this agent.")
    archived: bool | None = strawberry.field(
        default=None, description="Only those that you have put away, or only those that you have not."
    )
