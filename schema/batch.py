"""Several mutations in one call: how a client sends what it did while it was offline."""

from enum import Enum
from typing import Annotated

import strawberry

from schema.batched import BatchedMutation
from schema.conflict import (
    AgentConflict,
    FolderConflict,
    MessageConflict,
    ProjectConflict,
    SessionConflict,
    TemplateConflict,
)
from schema.failed import Failed
from schema.payload import (
    AgentPayload,
    CancelRunPayload,
    DeleteAgentPayload,
    DeleteFolderPayload,
    DeleteProjectPayload,
    DeleteSessionPayload,
    DeleteTemplatePayload,
    FolderPayload,
    MessagePayload,
    ProjectPayload,
    SendMessagePayload,
    SessionPayload,
    TemplatePayload,
)
from schema.refusal import Busy, IdTaken, InvalidInput, NotAllowed, NotFound, QuotaExceeded
from schema.removal import ClearSessionPayload, DeleteMessagesPayload, PurgeSessionPayload, RestoreMessagesPayload


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
    FAILED = strawberry.enum_value(
        "failed", description="It failed, and no rule refused it; the result says whether to send it again."
    )
    BLOCKED = strawberry.enum_value(
        "blocked",
        description="It needs what an earlier entry was to make, and did not; or it follows one to send again.",
    )


BatchResult = Annotated[
    ProjectPayload
    | DeleteProjectPayload
    | AgentPayload
    | DeleteAgentPayload
    | TemplatePayload
    | DeleteTemplatePayload
    | FolderPayload
    | DeleteFolderPayload
    | SessionPayload
    | DeleteSessionPayload
    | PurgeSessionPayload
    | ClearSessionPayload
    | SendMessagePayload
    | MessagePayload
    | DeleteMessagesPayload
    | RestoreMessagesPayload
    | CancelRunPayload
    | NotFound
    | NotAllowed
    | InvalidInput
    | IdTaken
    | Busy
    | QuotaExceeded
    | ProjectConflict
    | AgentConflict
    | TemplateConflict
    | FolderConflict
    | SessionConflict
    | MessageConflict
    | Failed,
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
