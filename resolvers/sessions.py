"""Sessions: list, change, follow."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from chat import following, sessions
from chat.cursors import Cursor, ScopeKind
from chat.sessions import NewSession
from db.sessions import Filter
from schema import connection, event, identifier
from schema.connection import After, Before, First, Last
from schema.context import Info
from schema.event import AccountEvent, SessionEvent
from schema.followed import Followed
from schema.input import CreateSessionInput, EditSessionInput, SessionFilter
from schema.payload import (
    CreateSessionResult,
    DeleteSessionPayload,
    DeleteSessionResult,
    EditSessionResult,
    SessionPayload,
    SetTypingPayload,
    SetTypingResult,
)
from schema.repeat import Key, once
from schema.session import Session, SessionConnection

PAGE = 20

SessionId = Annotated[strawberry.ID, strawberry.argument(description="The session's id.")]
AfterChange = Annotated[
    str | None,
    strawberry.argument(
        description="Go on after this `cursor` of a query or an event. Without it: tell what happens from now."
    ),
]
AfterEvent = Annotated[
    str | None,
    strawberry.argument(
        description="Go on after this `cursor` of a query or an event. Without it: begin with the newest 50 messages."
    ),
]


async def session(info: Info, id: SessionId) -> Session | None:
    """One session."""
    (seen,) = await sessions.of_ids(info.context.scope, [identifier.parse("id", id)])
    return None if seen is None else Session.of(seen)


async def page(
    info: Info,
    filter: Annotated[SessionFilter | None, strawberry.argument(description="Which sessions to list.")] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> SessionConnection:
    """The viewer's sessions."""
    scope = info.context.scope
    where = _filter(filter or SessionFilter())
    span = connection.span(_key, first, after, last, before, default=PAGE)
    found, epoch, head = await sessions.page(scope, span, where)
    return SessionConnection.of(
        found,
        Session.of,
        lambda seen: connection.encode("session", seen.last_activity_at, str(seen.id)),
        lambda: sessions.count(scope, where),
        cursor=str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, epoch, head)),
    )


def _filter(filter: SessionFilter) -> Filter:
    return Filter(
        project_id=identifier.optional("filter.projectId", filter.project_id),
        agent_id=identifier.optional("filter.agentId", filter.agent_id),
        archived=filter.archived,
    )


def _key(field: str, cursor: str) -> tuple[datetime, UUID]:
    at, session_id = connection.decode("session", field, cursor)
    return datetime.fromisoformat(at), UUID(session_id)


async def create(
    info: Info,
    input: Annotated[CreateSessionInput, strawberry.argument(description="The session.")],
    client_mutation_id: Key = None,
) -> CreateSessionResult:
    """Makes a session."""
    seen = await sessions.create(once(info, "createSession", client_mutation_id, input), new(input))
    return SessionPayload(session=Session.of(seen))


def new(input: CreateSessionInput) -> NewSession:
    """What a client wants a session to begin with."""
    return NewSession(
        id=identifier.optional("id", input.id),
        project_id=identifier.optional("projectId", input.project_id),
        agent_id=identifier.optional("agentId", input.agent_id),
        title=input.title,
        external_id=input.external_id,
        metadata=input.metadata,
    )


async def edit(
    info: Info,
    input: Annotated[EditSessionInput, strawberry.argument(description="What to change.")],
    client_mutation_id: Key = None,
) -> EditSessionResult:
    """Changes a session."""
    links: dict[str, UUID | None] = {}
    if input.project_id is not None:
        links["project_id"] = identifier.optional("projectId", input.project_id.value)
    if input.agent_id is not None:
        links["agent_id"] = identifier.optional("agentId", input.agent_id.value)
    seen = await sessions.edit(
        once(info, "editSession", client_mutation_id, input),
        identifier.parse("id", input.id),
        title=input.title,
        metadata=input.metadata,
        links=links,
        archived=input.archived,
        expected_version=input.expected_version,
    )
    return SessionPayload(session=Session.of(seen))


async def delete(info: Info, id: SessionId, client_mutation_id: Key = None) -> DeleteSessionResult:
    """Deletes a session."""
    row, _ = await sessions.delete(once(info, "deleteSession", client_mutation_id, id), identifier.parse("id", id))
    return DeleteSessionPayload(id=identifier.of(row.id))


async def follow(
    info: Info,
    id: SessionId,
    after: AfterEvent = None,
    presence: Annotated[
        bool, strawberry.argument(description="Whether the window is seen by others that say so too, and sees them.")
    ] = False,
    every: Annotated[
        int,
        strawberry.argument(
            description="Milliseconds between two sets of tokens at least, from 0 (each as it comes) to 500. "
            "Text that comes meanwhile is put together: 20 to 40 cost half of the work, and nobody sees the difference."
        ),
    ] = 0,
) -> AsyncIterator[SessionEvent]:
    """What happens in one session."""
    scope, session_id = info.context.scope, identifier.parse("id", id)
    begin = info.context.resumed_at or after
    return Followed(following.session(scope, session_id, begin, present=presence, every=every), event.of_session)


async def changes(info: Info, after: AfterChange = None) -> AsyncIterator[AccountEvent]:
    """What happens to the account's sessions, projects and agents."""
    return Followed(following.account(info.context.scope, info.context.resumed_at or after), event.of_account)


async def set_typing(
    info: Info,
    id: SessionId,
    typing: Annotated[bool, strawberry.argument(description="Whether you are typing. It counts for six seconds.")],
) -> SetTypingResult:
    """Says that the viewer is typing."""
    await following.typing(info.context.scope, identifier.parse("id", id), now=typing)
    return SetTypingPayload(typing=typing)
