"""Several mutations in one call: how a client sends what it did while it was offline."""

from enum import Enum
from typing import Annotated

import strawberry

from schema.input import CreateProjectInput, CreateSessionInput, EditProjectInput, EditSessionInput, SendMessageInput
from schema.payload import (
    CancelRunPayload,
    DeleteProjectPayload,
    DeleteSessionPayload,
    ProjectConflict,
    ProjectPayload,
    SendMessagePayload,
    SessionConflict,
    SessionPayload,
)
from schema.refusal import Busy, IdTaken, InvalidInput, NotAllowed, NotFound, QuotaExceeded


@strawberry.input(one_of=True, description="One mutation of a batch. Give exactly one field.")
class BatchedMutation:
    """The mutations that make sense offline, under their own names."""

    create_project: strawberry.Maybe[CreateProjectInput] = strawberry.field(description="As `createProject`.")
    edit_project: strawberry.Maybe[EditProjectInput] = strawberry.field(description="As `editProject`.")
    delete_project: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteProject`: the id.")
    create_session: strawberry.Maybe[CreateSessionInput] = strawberry.field(description="As `createSession`.")
    edit_session: strawberry.Maybe[EditSessionInput] = strawberry.field(description="As `editSession`.")
    delete_session: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `deleteSession`: the id.")
    send_message: strawberry.Maybe[SendMessageInput] = strawberry.field(
        description="As `sendMessage`. Name `parentId`, and it stands where it was written, on a branch if need be."
    )
    cancel_run: strawberry.Maybe[strawberry.ID] = strawberry.field(description="As `cancelRun`: the run's id.")


@strawberry.input(description="One entry of a client's queue.")
class BatchOperation:
    """For `applyBatch`."""

    client_mutation_id: str = strawberry.field(description="Its key; so the whole batch can be sent again.")
    do: BatchedMutation = strawberry.field(description="What is to be done.")


@strawberry.enum(description="What became of an entry of a batch.")
class ReceiptStatus(Enum):
    """Only `APPLIED` has changed anything now."""

    APPLIED = strawberry.enum_value("applied", description="It was done.")
    DUPLICATE = strawberry.enum_value("duplicate", description="It had been done before; the result is shown again.")
    CONFLICT = strawberry.enum_value(
        "conflict", description="The object has another version than expected; it is shown as it is."
    )
    REJECTED = strawberry.enum_value("rejected", description="A rule refused it; the result says why.")
    BLOCKED = strawberry.enum_value(
        "blocked", description="It needs something that an earlier entry was to make, which was refused."
    )


BatchResult = Annotated[
    ProjectPayload
    | DeleteProjectPayload
    | SessionPayload
    | DeleteSessionPayload
    | SendMessagePayload
    | CancelRunPayload
    | NotFound
    | NotAllowed
    | InvalidInput
    | IdTaken
    | Busy
    | QuotaExceeded
    | ProjectConflict
    | SessionConflict,
    strawberry.union("BatchResult", description="What the mutation would have returned by itself."),
]


@strawberry.type(description="What became of one entry of a batch.")
class Receipt:
    """Of `applyBatch`."""

    client_mutation_id: str = strawberry.field(description="The entry's key.")
    status: ReceiptStatus = strawberry.field(description="What became of it.")
    result: BatchResult | None = strawberry.field(
        description="What the mutation would have returned by itself; null if it was `BLOCKED`."
    )


@strawberry.type(description="A receipt for each entry, in order.")
class ApplyBatchPayload:
    """Of `applyBatch`."""

    receipts: list[Receipt] = strawberry.field(description="The receipts.")


ApplyBatchResult = Annotated[
    ApplyBatchPayload | InvalidInput,
    strawberry.union("ApplyBatchResult", description="The receipts, or why nothing of it was done."),
]
