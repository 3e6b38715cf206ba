"""What is deleted: the trash, and messages."""

from typing import Annotated
from uuid import UUID

import strawberry

from chat.removal import deletions, trash
from chat.removal.message_tree import DeletionScope
from resolvers.sessions import PAGE, SessionId
from schema import connection, identifier
from schema.connection import After, Before, First, Last
from schema.context import Info
from schema.payload import SessionPayload
from schema.removal import (
    ClearSessionPayload,
    ClearSessionResult,
    DeleteMessagesPayload,
    DeleteMessagesResult,
    DeletionInput,
    PurgeSessionPayload,
    PurgeSessionResult,
    RestoreMessagesPayload,
    RestoreMessagesResult,
    RestoreSessionResult,
    TrashConnection,
)
from schema.repeat import Key, once
from schema.session import Session


async def page(
    info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
) -> TrashConnection:
    """The viewer's deleted sessions."""
    scope = info.context.scope
    span = connection.span(connection.dated("trash"), first, after, last, before, default=PAGE)
    return TrashConnection.of(
        await trash.page(scope, span),
        Session.of,
        lambda seen: connection.encode("trash", seen[0].deleted_at, seen[0].id),
        lambda: trash.count(scope),
    )


async def restore(info: Info, id: SessionId, client_mutation_id: Key = None) -> RestoreSessionResult:
    """Restores a session."""
    seen = await trash.restore(once(info, "restoreSession", client_mutation_id, id), identifier.parse("id", id))
    return SessionPayload(session=Session.of(seen))


async def purge(info: Info, id: SessionId, client_mutation_id: Key = None) -> PurgeSessionResult:
    """Deletes a session for good."""
    gone = await trash.purge(once(info, "purgeSession", client_mutation_id, id), identifier.parse("id", id))
    return PurgeSessionPayload(id=strawberry.ID(str(gone)))


Deletion = Annotated[DeletionInput, strawberry.argument(description="The message, and what the deletion takes.")]


async def delete_messages(info: Info, input: Deletion, client_mutation_id: Key = None) -> DeleteMessagesResult:
    """Deletes messages."""
    done = await deletions.delete(once(info, "deleteMessages", client_mutation_id, input), *_named(input))
    return DeleteMessagesPayload(session=Session.of(done.seen), count=done.count)


async def restore_messages(info: Info, input: Deletion, client_mutation_id: Key = None) -> RestoreMessagesResult:
    """Brings back what a deletion took."""
    done = await deletions.restore(once(info, "restoreMessages", client_mutation_id, input), *_named(input))
    return RestoreMessagesPayload(session=Session.of(done.seen), count=done.count)


def _named(input: DeletionInput) -> tuple[UUID, UUID, DeletionScope]:
    session_id = identifier.parse("sessionId", input.session_id)
    return session_id, identifier.parse("id", input.id), input.scope


async def restore_history(info: Info, id: SessionId, client_mutation_id: Key = None) -> RestoreMessagesResult:
    """Brings back what the last clearing of a session took."""
    scope = once(info, "restoreHistory", client_mutation_id, id)
    done = await deletions.restore_all(scope, identifier.parse("id", id))
    return RestoreMessagesPayload(session=Session.of(done.seen), count=done.count)


async def clear(info: Info, id: SessionId, client_mutation_id: Key = None) -> ClearSessionResult:
    """Deletes all messages of a session."""
    done = await deletions.clear(once(info, "clearSession", client_mutation_id, id), identifier.parse("id", id))
    return ClearSessionPayload(session=Session.of(done.seen), count=done.count)
