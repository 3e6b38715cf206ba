"""One turn of a conversation."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from chat.refusals import InvalidInput
from db import models, rows
from schema import choice, connection, identifier, part
from schema.compaction import Compaction
from schema.connection import LONGEST, Connection
from schema.context import Info
from schema.cursor import PageCursor
from schema.failure import Failure
from schema.mark import Annotation, Feedback, Reaction
from schema.node import Node
from schema.part import Part
from schema.revision import Revision
from schema.role import MessageRole
from schema.shown import same, shown
from schema.sibling import Siblings

if TYPE_CHECKING:
    from schema.run import Run

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

choice.describe(
    models.FinishReason,
    "Why a model stopped writing.",
    STOP="It had said everything.",
    LENGTH="A limit of tokens cut it off.",
    CONTENT_FILTER="The provider's rules on content cut it off.",
    REFUSED="The model did not want to go on.",
    PAUSED="The provider paused a long turn; `continueRun` goes on with it.",
    TOOL_CALLS="It waits for the results of tools.",
    OTHER="Something else; the run's `finishWord` says what.",
)


async def _run(
    message: strawberry.Parent["Message"], info: Info
) -> Annotated["Run", strawberry.lazy("schema.run")] | None:
    from schema.run import Run  # noqa: PLC0415  (a run has its message, and a message its run)

    row = None if message.run_id is None else await info.context.runs.load(message.run_id)
    return None if row is None else Run.of(row)


async def _siblings(message: strawberry.Parent["Message"], info: Info) -> Siblings:
    parent_id = None if message.parent_id is None else UUID(message.parent_id)
    family = await info.context.siblings.load((UUID(message.session_id), parent_id))
    return Siblings.of(UUID(message.id), family)


async def _revisions(
    message: strawberry.Parent["Message"],
    info: Info,
    first: Annotated[int, strawberry.argument(description=f"Take this many; at most {LONGEST}.")] = 20,
    before: Annotated[int | None, strawberry.argument(description="Take only what is older than this version.")] = None,
) -> list[Revision]:
    if not 1 <= first <= LONGEST:
        raise InvalidInput("first", f"`first` is a number from 1 to {LONGEST}.")
    if message.version == 1 or message.deleted_at is not None:
        return []
    return [Revision.of(row) for row in await info.context.revisions.load((UUID(message.id), first, before))]


@strawberry.type(description="One turn of a conversation. Messages form a tree: a parent may have several children.")
class Message(Node):
    """A message as a member of its session sees it."""

    session_id: strawberry.ID = strawberry.field(description="The session that it is in.")
    parent_id: strawberry.ID | None = strawberry.field(
        description="The message that it follows; null at the beginning of a conversation."
    )
    role: MessageRole = strawberry.field(description="Who speaks.")
    status: models.MessageStatus = strawberry.field(description="How far it is.")
    content: str = strawberry.field(
        description="The plain text of its text parts. While it is being written, what there is of it."
    )
    parts: list[Part] = strawberry.field(description="Everything it is made of, in order.")
    metadata: JSON = strawberry.field(description="A JSON object for the app's own use.")
    error: Failure | None = strawberry.field(description="Why it ended with the status `ERROR`.")
    finish_reason: models.FinishReason | None = strawberry.field(
        description="Why the model stopped, where it tells; with `LENGTH` or `PAUSED` a person may want it continued."
    )
    compaction: Compaction | None = strawberry.field(
        description="What models are told in place of it and all that precedes it, where a conversation is too long to "
        "be told whole. See `setCompaction`."
    )
    author_id: strawberry.ID | None = strawberry.field(description="The account that wrote it, if a person did.")
    run_id: strawberry.Private[UUID | None]
    run: Annotated["Run", strawberry.lazy("schema.run")] | None = strawberry.field(
        resolver=_run, description="The attempt at a reply that writes, or wrote, it."
    )
    version: int = strawberry.field(description="Rises with every revision; see `expectedVersion`.")
    revisions: list[Revision] = strawberry.field(
        resolver=_revisions, description="How it was before it was revised, newest first."
    )
    siblings: Siblings = strawberry.field(
        resolver=_siblings, description="Where it stands among the messages that follow the same message."
    )
    reactions: list[Reaction] = strawberry.field(description="How people reacted to it.")
    feedback: list[Feedback] = strawberry.field(description="What people think of it.")
    annotations: list[Annotation] = strawberry.field(description="What people noted about it.")
    page_cursor: PageCursor = strawberry.field(
        description="Its place in `messages`: with `last` and it as `before`, a page of what leads to the message."
    )
    client_created_at: datetime | None = strawberry.field(
        description="When it was written by the clock of its client. It has no bearing on the order."
    )
    created_at: datetime = strawberry.field(description="When the server stored it.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    deleted_at: datetime | None = strawberry.field(
        description="When it was deleted, if it was. It says nothing any more then, and only holds the place between "
        "what stands before and after it."
    )

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
    finish_reason = shown(lambda message: None if message.row.withdrawn_at else message.row.finish_reason)
    compaction = shown(lambda message: Compaction.of(message.row.compaction))
    author_id = shown(lambda message: identifier.optional_of(message.row.author_id))
    run_id = same("row.run_id")
    version = same("row.version")
    reactions = shown(lambda message: Reaction.all_of(_marks(message.row)))
    feedback = shown(lambda message: Feedback.all_of(_marks(message.row)))
    annotations = shown(lambda message: Annotation.all_of(_marks(message.row)))
    page_cursor = shown(lambda message: connection.encode("message", message.row.branch, message.row.depth))
    client_created_at = same("row.client_created_at")
    created_at = same("row.created_at")
    updated_at = same("row.updated_at")
    deleted_at = same("row.withdrawn_at")


def _marks(row: models.Message | rows.Message) -> Mapping[str, Any]:
    """What people have set on a message; on one that was deleted, nothing."""
    return row.marks if row.withdrawn_at is None else {}


@strawberry.type(description="A page of messages along one branch of a session.")
class MessageConnection(Connection[Message]):
    """Messages from the beginning of the conversation to its end."""
