"""One turn of a conversation."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from db import models, rows
from schema import choice, identifier, part
from schema.connection import Connection
from schema.context import Info
from schema.failure import Failure
from schema.node import Node
from schema.part import Part
from schema.shown import same, shown

if TYPE_CHECKING:
    from schema.run import Run

choice.describe(
    models.MessageRole,
    "Who speaks in a message.",
    USER="A person.",
    ASSISTANT="A model, or an app's own agent.",
    SYSTEM="The app, to the model.",
    TOOL="A tool, to the model.",
)
choice.describe(
    models.MessageStatus,
    "How far a message is: not begun, being written, or ended in one of four ways.",
    PENDING="Its run has not begun.",
    STREAMING="Its run is writing it.",
    COMPLETE="It is whole.",
    ERROR="Its run failed; what was written stays, and `error` says why.",
    CANCELLED="Somebody stopped it; what was written stays.",
    INTERRUPTED="Its producer was lost, or the server stopped; what was written stays.",
)


async def _run(
    message: strawberry.Parent["Message"], info: Info
) -> Annotated["Run", strawberry.lazy("schema.run")] | None:
    from schema.run import Run  # noqa: PLC0415  (a run has its message, and a message its run)

    row = None if message.run_id is None else await info.context.runs.load(message.run_id)
    return None if row is None else Run.of(row)


@strawberry.type(description="One turn of a conversation. Messages form a tree: a parent may have several children.")
class Message(Node):
    """A message as a member of its session sees it."""

    session_id: strawberry.ID = strawberry.field(description="The session that it is in.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="The message that it follows; null at the beginning of a conversation."
    )
    role: models.MessageRole = strawberry.field(description="Who speaks.")
    status: models.MessageStatus = strawberry.field(description="How far it is.")
    content: str = strawberry.field(
        description="The plain text of its text parts. While it is being written, what there is of it."
    )
    parts: list[Part] = strawberry.field(description="Everything it is made of, in order.")
    metadata: JSON = strawberry.field(description="A JSON object for the app's own use.")
    error: Failure | None = strawberry.field(description="Why it ended with the status `ERROR`.")
    author_id: strawberry.ID | None = strawberry.field(description="The account that wrote it, if a person did.")
    run_id: strawberry.Private[UUID | None]
    run: Annotated["Run", strawberry.lazy("schema.run")] | None = strawberry.field(
        resolver=_run, description="The attempt at a reply that writes, or wrote, it."
    )
    client_created_at: datetime | None = strawberry.field(
        description="When it was written by the clock of its client. It has no bearing on the order."
    )
    created_at: datetime = strawberry.field(description="When the server stored it.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Message | rows.Message) -> "Message":
        """The row as clients see it."""
        return _Shown(row)


class _Shown(Message):
    """A message whose fields are made when they are asked for: of a page's messages, most are not."""

    def __init__(self, row: models.Message | rows.Message) -> None:
        self.row = row

    id = shown(lambda message: str(message.row.id))
    session_id = shown(lambda message: str(message.row.session_id))
    parent_id = shown(lambda message: identifier.optional_of(message.row.parent_id))
    role = same("row.role")
    status = same("row.status")
    content = same("row.content")
    parts = shown(lambda message: part.all_of(message.row.parts))
    metadata = same("row.meta")
    error = shown(lambda message: Failure.of(message.row.error))
    author_id = shown(lambda message: identifier.optional_of(message.row.author_id))
    run_id = same("row.run_id")
    client_created_at = same("row.client_created_at")
    created_at = same("row.created_at")
    updated_at = same("row.updated_at")


@strawberry.type(description="A page of messages along one branch of a session.")
class MessageConnection(Connection[Message]):
    """Messages from the beginning of the conversation to its end."""
