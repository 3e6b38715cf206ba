"""The same change to many sessions."""

from typing import Annotated

import strawberry

from schema.refusal import InvalidInput, UserError
from schema.session import Session


@strawberry.input(description="What to change in sessions. What you leave out stays.")
class BulkUpdateSessionsInput:
    """For `bulkUpdateSessions`."""

    ids: list[strawberry.ID] = strawberry.field(description="The sessions; at most 100.")
    archived: bool | None = strawberry.field(default=None, description="Whether you have put them away.")
    pinned: bool | None = strawberry.field(default=None, description="Whether you have pinned them.")
    starred: bool | None = strawberry.field(default=None, description="Whether you have starred them.")
    read: bool | None = strawberry.field(default=None, description="Whether you have read them, as far as they are.")
    folder_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The folder to keep them in; null takes them out of their folders."
    )
    project_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The project to put them in, for all members; null takes them out of their projects."
    )
    add_tags: list[str] | None = strawberry.field(default=None, description="Tags to add to those that they have.")
    remove_tags: list[str] | None = strawberry.field(default=None, description="Tags to take away.")
    deleted: bool | None = strawberry.field(
        default=None, description="True deletes them, false restores them. Not together with other changes."
    )


@strawberry.type(description="What became of one session.")
class BulkReceipt:
    """Of `bulkUpdateSessions`."""

    id: strawberry.ID = strawberry.field(description="The session.")
    session: Session | None = strawberry.field(
        description="The session as it is now; null if it is deleted, or not yours to see."
    )
    refusal: UserError | None = strawberry.field(
        description="Why it did not change, refused or `Failed`; null if it did."
    )


@strawberry.type(description="A receipt for each session, in the order of the ids.")
class BulkUpdateSessionsPayload:
    """Of `bulkUpdateSessions`."""

    receipts: list[BulkReceipt] = strawberry.field(description="The receipts.")


BulkUpdateSessionsResult = Annotated[
    BulkUpdateSessionsPayload | InvalidInput,
    strawberry.union("BulkUpdateSessionsResult", description="The receipts, or why nothing was changed."),
]
