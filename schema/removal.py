"""What is deleted, and what comes back."""

from typing import Annotated

import strawberry

from chat.removal.message_tree import DeletionScope
from schema import choice
from schema.connection import Connection
from schema.payload import SessionPayload
from schema.refusal import InvalidInput, NotAllowed, NotFound, QuotaExceeded
from schema.session import Session

choice.describe(
    DeletionScope,
    "What a deletion of messages takes.",
    MESSAGE="One message. What follows it stays, and it holds the place between.",
    SUBTREE="A message and everything that follows it, on all branches.",
    OTHER_BRANCHES="Everything that is on no path through the message.",
)


@strawberry.input(description="A deletion of messages: which message is named, and what it takes.")
class DeletionInput:
    """For `deleteMessages` and `restoreMessages`."""

    id: strawberry.ID = strawberry.field(description="The message.")
    session_id: strawberry.ID = strawberry.field(description="The session that it is in.")
    scope: DeletionScope = strawberry.field(default=DeletionScope.MESSAGE, description="What it takes.")


@strawberry.type(description="A page of the trash, newest deletion first.")
class TrashConnection(Connection[Session]):
    """The viewer's deleted sessions."""


@strawberry.type(description="The session is gone for good, with everything in it.")
class PurgeSessionPayload:
    """Of `purgeSession`."""

    id: strawberry.ID = strawberry.field(description="The session that is gone.")


@strawberry.type(description="The messages are deleted. They can be restored for 30 days.")
class DeleteMessagesPayload:
    """Of `deleteMessages`."""

    session: Session = strawberry.field(description="The session as it is now.")
    count: int = strawberry.field(description="How many messages were deleted; 0 if all of them were already.")


@strawberry.type(description="What the deletion took is back.")
class RestoreMessagesPayload:
    """Of `restoreMessages` and `restoreHistory`."""

    session: Session = strawberry.field(description="The session as it is now.")
    count: int = strawberry.field(description="How many messages came back; 0 if there was nothing to bring back.")


@strawberry.type(description="The session has no messages any more.")
class ClearSessionPayload:
    """Of `clearSession`."""

    session: Session = strawberry.field(description="The session as it is now.")
    count: int = strawberry.field(description="How many messages were deleted.")


DeleteMessagesResult = Annotated[
    DeleteMessagesPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("DeleteMessagesResult", description="What was deleted, or why nothing was."),
]
RestoreMessagesResult = Annotated[
    RestoreMessagesPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded,
    strawberry.union("RestoreMessagesResult", description="What came back, or why nothing did."),
]
ClearSessionResult = Annotated[
    ClearSessionPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("ClearSessionResult", description="What was deleted, or why nothing was."),
]
RestoreSessionResult = Annotated[
    SessionPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded,
    strawberry.union("RestoreSessionResult", description="The session, or why it does not come back."),
]
PurgeSessionResult = Annotated[
    PurgeSessionPayload | NotFound | NotAllowed | InvalidInput,
    strawberry.union("PurgeSessionResult", description="The id, or why it is not gone."),
]
