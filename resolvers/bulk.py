"""Many sessions at once."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from chat.conversation import sessions
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.sessions import Seen
from chat.refusals import Refusal
from chat.removal import bulk
from chat.removal.bulk import Change
from chat.scope import Scope
from schema import conflict, failed, identifier
from schema.bulk import BulkReceipt, BulkUpdateSessionsInput, BulkUpdateSessionsPayload, BulkUpdateSessionsResult
from schema.context import Info
from schema.refusal import UserError
from schema.repeat import Key, once
from schema.session import Session


async def update(
    info: Info,
    input: Annotated[BulkUpdateSessionsInput, strawberry.argument(description="The sessions, and what to change.")],
    client_mutation_id: Key = None,
) -> BulkUpdateSessionsResult:
    """Changes many sessions."""
    ids = list(dict.fromkeys(identifier.parse(f"ids[{number}]", id) for number, id in enumerate(input.ids)))
    scope = once(info, "bulkUpdateSessions", client_mutation_id, input)
    reasons = await bulk.update(scope, ids, _change(input), patience=info.context.patience)
    seen = await _seen(scope, ids, reasons)
    return BulkUpdateSessionsPayload(
        receipts=[
            BulkReceipt(
                id=identifier.of(id),
                session=None if (row := seen[id]) is None else Session.of(row),
                refusal=None if (reason := reasons[id]) is None else _shown(info, number, reason),
            )
            for number, id in enumerate(ids)
        ]
    )


async def _seen(scope: Scope, ids: Sequence[UUID], reasons: dict[UUID, bulk.Outcome]) -> dict[UUID, Seen | None]:
    """The sessions as they are. Where that cannot be read, nobody is told that a change is done."""
    try:
        return dict(zip(ids, await sessions.of_ids(scope, ids), strict=True))
    except Exception as error:
        reasons.update({id: error for id in ids if reasons[id] is None})
        return dict.fromkeys(ids)


def _shown(info: Info, number: int, reason: Exception) -> UserError:
    if isinstance(reason, Refusal):
        return conflict.shown(reason)
    if isinstance(reason, bulk.Late):
        return failed.late()
    return info.context.explain(reason, [*info.path.as_list(), "receipts", number])


def _change(input: BulkUpdateSessionsInput) -> Change:
    links: dict[str, UUID | None] = {}
    if input.project_id is not None:
        links["project_id"] = identifier.optional("projectId", input.project_id.value)
    folder = input.folder_id
    return Change(
        links,
        Personal(
            archived=input.archived,
            pinned=input.pinned,
            starred=input.starred,
            folder=None if folder is None else Folder(identifier.optional("folderId", folder.value)),
            read=input.read,
            more_tags=input.add_tags or (),
            fewer_tags=input.remove_tags or (),
        ),
        input.deleted,
    )
