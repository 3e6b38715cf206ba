"""Many sessions at once."""

from typing import Annotated
from uuid import UUID

import strawberry

from chat import bulk, sessions
from chat.bulk import Change
from chat.personal import Folder, Personal
from schema import conflict, identifier
from schema.bulk import BulkReceipt, BulkUpdateSessionsInput, BulkUpdateSessionsPayload, BulkUpdateSessionsResult
from schema.context import Info
from schema.repeat import Key, once
from schema.session import Session


async def update(
    info: Info,
    input: Annotated[BulkUpdateSessionsInput, strawberry.argument(description="The sessions, and what to change.")],
    client_mutation_id: Key = None,
) -> BulkUpdateSessionsResult:
    """Changes many sessions."""
    ids = list(dict.fromkeys(identifier.parse("ids", id) for id in input.ids))
    scope = once(info, "bulkUpdateSessions", client_mutation_id, input)
    refused = await bulk.update(scope, ids, _change(input))
    found = await sessions.of_ids(scope, ids)
    return BulkUpdateSessionsPayload(
        receipts=[
            BulkReceipt(
                id=identifier.of(id),
                session=None if seen is None else Session.of(seen),
                refusal=None if (reason := refused[id]) is None else conflict.shown(reason),
            )
            for id, seen in zip(ids, found, strict=True)
        ]
    )


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
