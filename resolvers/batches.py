"""Batches: a client's offline queue, entry by entry."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Annotated, Any, cast

import strawberry

from chat.refusals import Conflict, InvalidInput, Refusal
from chat.scope import Repeated
from resolvers import agents, branches, folders, marks, messages, projects, runs, sessions, templates, trash
from schema import conflict, failed, payload, removal, repeat
from schema.batch import (
    ApplyBatchPayload,
    ApplyBatchResult,
    BatchOperation,
    BatchResult,
    Receipt,
    ReceiptStatus,
)
from schema.batched import BatchedMutation
from schema.context import Info
from schema.input import (
    AnnotateInput,
    CreateAgentInput,
    CreateFolderInput,
    CreateProjectInput,
    CreateSessionInput,
    CreateTemplateInput,
    EditMessageInput,
    ForkSessionInput,
    SendMessageInput,
)

MOST = 100
"""Entries of one batch."""

type _Mutate = Callable[..., Awaitable[object]]


def _with(mutate: _Mutate) -> _Mutate:
    """A mutation of several arguments, as one of an input that holds them."""

    async def mutated(info: Info, input: object, *, client_mutation_id: str) -> object:
        return await mutate(info, **vars(input), client_mutation_id=client_mutation_id)

    return mutated


_MUTATIONS: dict[str, tuple[_Mutate, type]] = {
    "create_project": (projects.create, payload.ProjectPayload),
    "edit_project": (projects.edit, payload.ProjectPayload),
    "delete_project": (projects.delete, payload.DeleteProjectPayload),
    "create_agent": (agents.create, payload.AgentPayload),
    "edit_agent": (agents.edit, payload.AgentPayload),
    "delete_agent": (agents.delete, payload.DeleteAgentPayload),
    "create_template": (templates.create, payload.TemplatePayload),
    "edit_template": (templates.edit, payload.TemplatePayload),
    "delete_template": (templates.delete, payload.DeleteTemplatePayload),
    "create_folder": (folders.create, payload.FolderPayload),
    "edit_folder": (folders.edit, payload.FolderPayload),
    "move_folder": (_with(folders.move), payload.FolderPayload),
    "delete_folder": (folders.delete, payload.DeleteFolderPayload),
    "create_session": (sessions.create, payload.SessionPayload),
    "edit_session": (sessions.edit, payload.SessionPayload),
    "mark_read": (_with(sessions.mark_read), payload.SessionPayload),
    "mark_unread": (sessions.mark_unread, payload.SessionPayload),
    "save_draft": (_with(sessions.save_draft), payload.SessionPayload),
    "move_session": (_with(sessions.move), payload.SessionPayload),
    "set_session_state": (_with(sessions.set_state), payload.SessionPayload),
    "delete_session": (sessions.delete, payload.DeleteSessionPayload),
    "restore_session": (trash.restore, payload.SessionPayload),
    "purge_session": (trash.purge, removal.PurgeSessionPayload),
    "clear_session": (trash.clear, removal.ClearSessionPayload),
    "restore_history": (trash.restore_history, removal.RestoreMessagesPayload),
    "fork_session": (branches.fork, payload.SessionPayload),
    "choose_branch": (_with(branches.choose), payload.SessionPayload),
    "send_message": (messages.send, payload.SendMessagePayload),
    "edit_message": (branches.edit, payload.SendMessagePayload),
    "revise_message": (branches.revise, payload.MessagePayload),
    "delete_messages": (trash.delete_messages, removal.DeleteMessagesPayload),
    "restore_messages": (trash.restore_messages, removal.RestoreMessagesPayload),
    "set_reaction": (_with(marks.react), payload.MessagePayload),
    "set_feedback": (_with(marks.rate), payload.MessagePayload),
    "annotate_message": (marks.annotate, payload.MessagePayload),
    "remove_annotation": (_with(marks.remove_annotation), payload.MessagePayload),
    "set_compaction": (_with(marks.set_compaction), payload.MessagePayload),
    "cancel_run": (runs.cancel, payload.CancelRunPayload),
}
"""What each entry calls, and what that returns."""

_MAKERS = (
    CreateProjectInput
    | CreateAgentInput
    | CreateTemplateInput
    | CreateFolderInput
    | CreateSessionInput
    | ForkSessionInput
    | SendMessageInput
    | EditMessageInput
    | AnnotateInput
)
"""Whose `id` is that of what is made; the others name what there is."""
_NAMED = ("session_id", "message_id", "project_id", "agent_id", "template_id", "folder_id", "parent_id", "before_id")


async def apply(
    info: Info,
    operations: Annotated[
        list[BatchOperation], strawberry.argument(description=f"The entries in order, at most {MOST}.")
    ],
) -> ApplyBatchResult:
    """Does one entry after the other. Each stands for itself: one that is refused does not undo another."""
    if len(operations) > MOST:
        raise InvalidInput("operations", f"Apply at most {MOST} entries at once.")
    _check_keys(operations)
    until = asyncio.get_running_loop().time() + info.context.patience
    missing: set[str] = set()
    receipts: list[Receipt] = []
    for operation in operations:
        name, value = _chosen(operation.do)
        if missing.intersection(each.lower() for each in _needs(value)):
            status, result = ReceiptStatus.BLOCKED, None
        else:
            status, result = await _attempt(info, name, value, operation.client_mutation_id, until, len(receipts))
        if status not in (ReceiptStatus.APPLIED, ReceiptStatus.DUPLICATE):
            missing.update(each.lower() for each in _makes(value))
        if isinstance(result, failed.Failed) and result.retriable:
            missing.update(each.lower() for each in _needs(value))  # nothing overtakes what is to be sent again
        receipts.append(Receipt(client_mutation_id=operation.client_mutation_id, status=status, result=result))
    return ApplyBatchPayload(receipts=receipts)


def _check_keys(operations: Sequence[BatchOperation]) -> None:
    """Raises `InvalidInput` if a key cannot be one, or stands twice. Entries are counted from 0, as in errors."""
    seen: dict[str, int] = {}
    for number, operation in enumerate(operations):
        key = operation.client_mutation_id
        try:
            repeat.check(key)
        except InvalidInput as refused:
            raise InvalidInput(refused.field, f"Entry {number}: {refused.reason}") from None
        if (earlier := seen.setdefault(key, number)) != number:
            raise InvalidInput("operations", f"Entries {earlier} and {number} have the same `clientMutationId`.")


type _Outcome = tuple[ReceiptStatus, BatchResult | None]


async def _attempt(info: Info, name: str, value: object, key: str, until: float, number: int) -> _Outcome:
    """What becomes of an entry, whatever that is."""
    limit = asyncio.timeout_at(until)
    try:
        if until <= asyncio.get_running_loop().time():
            return ReceiptStatus.FAILED, failed.late()
        async with limit:
            return await _apply(info, name, value, key)
    except Exception as error:
        if limit.expired():
            return ReceiptStatus.FAILED, failed.late()
        place = [*info.path.as_list(), "receipts", number]
        return ReceiptStatus.FAILED, info.context.explain(error, place)


async def _apply(info: Info, name: str, value: object, key: str) -> _Outcome:
    mutate, returned = _MUTATIONS[name]
    result: object
    try:
        result, status = await mutate(info, value, client_mutation_id=key), ReceiptStatus.APPLIED
    except Repeated as repeated:
        result, status = await repeat.answer(info.context, returned, repeated.made), ReceiptStatus.DUPLICATE
    except Conflict as outdated:
        result, status = conflict.shown(outdated), ReceiptStatus.CONFLICT
    except Refusal as refused:
        result, status = conflict.shown(refused), ReceiptStatus.REJECTED
    return status, cast("BatchResult", result)


def _chosen(mutation: BatchedMutation) -> tuple[str, Any]:
    return next((name, given.value) for name, given in vars(mutation).items() if given is not None)


def _needs(value: object) -> Iterator[str]:
    """The ids of what a mutation needs: its input, if that is an id, or the ids in its input."""
    if isinstance(value, str):
        yield value
        return
    for name in _NAMED if isinstance(value, _MAKERS) else ("id", *_NAMED):
        needed = getattr(value, name, None)
        needed = needed.value if isinstance(needed, strawberry.Some) else needed
        if needed is not None:
            yield needed
    if isinstance(value, SendMessageInput) and value.new_session is not None:
        yield from _needs(value.new_session)


def _makes(value: object) -> Iterator[str]:
    """The client-made ids of what a mutation makes."""
    if isinstance(value, _MAKERS) and value.id is not None:
        yield value.id
    if isinstance(value, SendMessageInput) and value.new_session is not None:
        yield from _makes(value.new_session)
