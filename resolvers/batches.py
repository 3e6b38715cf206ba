"""Batches: a client's offline queue, entry by entry."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, cast

import strawberry

from chat.refusals import InvalidInput, ProjectConflict, Refusal, SessionConflict
from chat.scope import Repeated
from resolvers import messages, projects, runs, sessions
from schema import payload, repeat
from schema.batch import (
    ApplyBatchPayload,
    ApplyBatchResult,
    BatchedMutation,
    BatchOperation,
    BatchResult,
    Receipt,
    ReceiptStatus,
)
from schema.context import Info
from schema.input import CreateProjectInput, CreateSessionInput, EditProjectInput, EditSessionInput, SendMessageInput

MOST = 100
"""Entries of one batch."""

_MUTATIONS: dict[str, tuple[Callable[..., Awaitable[object]], type]] = {
    "create_project": (projects.create, payload.ProjectPayload),
    "edit_project": (projects.edit, payload.ProjectPayload),
    "delete_project": (projects.delete, payload.DeleteProjectPayload),
    "create_session": (sessions.create, payload.SessionPayload),
    "edit_session": (sessions.edit, payload.SessionPayload),
    "delete_session": (sessions.delete, payload.DeleteSessionPayload),
    "send_message": (messages.send, payload.SendMessagePayload),
    "cancel_run": (runs.cancel, payload.CancelRunPayload),
}
"""What each entry calls, and what that returns."""


async def apply(
    info: Info,
    operations: Annotated[
        list[BatchOperation], strawberry.argument(description=f"The entries in order, at most {MOST}.")
    ],
) -> ApplyBatchResult:
    """Does one entry after the other. Each stands for itself: one that is refused does not undo another."""
    if len(operations) > MOST:
        raise InvalidInput("operations", f"Apply at most {MOST} entries at once.")
    keys = [repeat.check(operation.client_mutation_id) for operation in operations]
    if len(set(keys)) < len(keys):
        raise InvalidInput("operations", "Two entries have the same `clientMutationId`.")
    failed: set[str] = set()
    receipts: list[Receipt] = []
    for operation in operations:
        name, value = _chosen(operation.do)
        if failed.intersection(_needs(value)):
            receipt = Receipt(
                client_mutation_id=operation.client_mutation_id, status=ReceiptStatus.BLOCKED, result=None
            )
        else:
            receipt = await _apply(info, name, value, operation.client_mutation_id)
        if receipt.status not in (ReceiptStatus.APPLIED, ReceiptStatus.DUPLICATE):
            failed.update(_makes(value))
        receipts.append(receipt)
    return ApplyBatchPayload(receipts=receipts)


async def _apply(info: Info, name: str, value: object, key: str) -> Receipt:
    mutate, returned = _MUTATIONS[name]
    result: object
    try:
        result, status = await mutate(info, value, client_mutation_id=key), ReceiptStatus.APPLIED
    except Repeated as repeated:
        result, status = await repeat.answer(info.context, returned, repeated.made), ReceiptStatus.DUPLICATE
    except (ProjectConflict, SessionConflict) as conflict:
        result, status = payload.shown(conflict), ReceiptStatus.CONFLICT
    except Refusal as refused:
        result, status = payload.shown(refused), ReceiptStatus.REJECTED
    return Receipt(client_mutation_id=key, status=status, result=cast("BatchResult", result))


def _chosen(mutation: BatchedMutation) -> tuple[str, Any]:
    return next((name, given.value) for name, given in vars(mutation).items() if given is not None)


def _needs(value: object) -> Iterator[str]:
    """The ids of what a mutation needs: its input, if that is an id, or the ids in its input."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, EditProjectInput | EditSessionInput):
        yield value.id
    for name in ("session_id", "project_id", "agent_id", "parent_id"):
        needed = getattr(value, name, None)
        needed = needed.value if isinstance(needed, strawberry.Some) else needed
        if needed is not None:
            yield needed
    if isinstance(value, SendMessageInput) and value.new_session is not None:
        yield from _needs(value.new_session)


def _makes(value: object) -> Iterator[str]:
    """The client-made ids of what a mutation makes."""
    if isinstance(value, CreateProjectInput | CreateSessionInput | SendMessageInput) and value.id is not None:
        yield value.id
    if isinstance(value, SendMessageInput) and value.new_session is not None:
        yield from _makes(value.new_session)
