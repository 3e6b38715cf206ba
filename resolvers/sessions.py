"""Sessions: list, change, follow."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from chat.conversation import drafts, memberships, sessions, state
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.sessions import NewSession
from chat.runs import summarizer
from chat.subscriptions import streams
from db import listing
from db.listing import Filter, Place, SessionOrder
from schema import connection, event, identifier
from schema.connection import After, Before, First, Last
from schema.context import Info
from schema.cursor import SyncCursor
from schema.event import AccountEvent, SessionEvent
from schema.given import given
from schema.input import LAST_SENT, CreateSessionInput, EditSessionInput, SessionFilter
from schema.payload import DeleteSessionPayload, SessionPayload, SetTypingPayload
from schema.repeat import Key, once
from schema.result import (
    CreateSessionResult,
    DeleteSessionResult,
    EditSessionResult,
    MarkSessionResult,
    SetSessionStateResult,
    SetTypingResult,
    SummarizeSessionResult,
)
from schema.session import Session
from schema.session_list import SessionConnection
from sync.cursors import Cursor, ScopeKind
from sync.followed import Followed

PAGE = 20

SessionId = Annotated[strawberry.ID, strawberry.argument(description="The session's id.")]
AfterChange = Annotated[
    SyncCursor | None,
    strawberry.argument(
        description="Go on after this `cursor` of a query or an event. Without it: tell what happens from now."
    ),
]
AfterEvent = Annotated[
    SyncCursor | None,
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
    order_by: Annotated[SessionOrder, strawberry.argument(description="What comes first.")] = SessionOrder.ACTIVITY,
) -> SessionConnection:
    """The viewer's sessions."""
    scope = info.context.scope
    where = _filter(filter or SessionFilter(folder_id=None))
    span = connection.span(partial(_place, order_by), first, after, last, before, default=PAGE)
    found = await sessions.page(scope, span, where, order_by)
    return SessionConnection.of(
        found.page,
        Session.of,
        lambda seen: connection.encode(f"session by {order_by}", *map(str, listing.place(order_by, seen))),
        lambda: sessions.count(scope, where),
        cursor=SyncCursor(str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, found.epoch, found.head))),
        count_each=lambda: sessions.counts(scope, where),
    )


def _filter(filter: SessionFilter) -> Filter:
    folder = None if filter.folder_id is None else filter.folder_id.value
    return Filter(
        project_id=identifier.optional("filter.projectId", filter.project_id),
        agent_id=identifier.optional("filter.agentId", filter.agent_id),
        folder_id=identifier.optional("filter.folderId", folder),
        filed=None if filter.folder_id is None or folder is not None else False,
        tags=tuple(filter.tags or ()),
        archived=filter.archived,
        pinned=filter.pinned,
        starred=filter.starred,
        unread=filter.unread,
        running=filter.running,
        title=filter.title or None,
    )


def _place(order: SessionOrder, field: str, cursor: str) -> Place:
    value, session_id = connection.decode(f"session by {order}", field, cursor)
    return listing.parsed(order, value), UUID(session_id)


async def create(
    info: Info,
    input: Annotated[CreateSessionInput, strawberry.argument(description="The session.")],
    client_mutation_id: Key = None,
) -> CreateSessionResult:
    """Makes a session."""
    seen = await sessions.create(once(info, "createSession", client_mutation_id, input), new(input))
    return SessionPayload(session=Session.of(seen))


def new(input: CreateSessionInput, within: str = "") -> NewSession:
    """What a client wants a session to begin with; `within` is where the input stands in another one."""
    return NewSession(
        id=identifier.optional(f"{within}id", input.id),
        project_id=identifier.optional(f"{within}projectId", input.project_id),
        agent_id=identifier.optional(f"{within}agentId", input.agent_id),
        title=input.title,
        external_id=input.external_id,
        metadata=input.metadata,
        template_id=identifier.optional(f"{within}templateId", input.template_id),
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
        metadata=given(input.metadata, {}),
        summary=given(input.summary, ""),
        links=links,
        personal=Personal(
            archived=input.archived,
            pinned=input.pinned,
            starred=input.starred,
            folder=None if input.folder_id is None else Folder(identifier.optional("folderId", input.folder_id.value)),
            tags=given(input.tags, list[str]()),
        ),
        expected_version=input.expected_version,
    )
    return SessionPayload(session=Session.of(seen))


async def mark_read(
    info: Info,
    id: SessionId,
    up_to: Annotated[
        SyncCursor | None,
        strawberry.argument(description="A `cursor` of the session, of a query or an event; without it: all of it."),
    ] = None,
    client_mutation_id: Key = None,
) -> MarkSessionResult:
    """Notes how far the viewer has read."""
    scope = once(info, "markRead", client_mutation_id, id, up_to)
    return SessionPayload(session=Session.of(await memberships.mark_read(scope, identifier.parse("id", id), up_to)))


async def mark_unread(info: Info, id: SessionId, client_mutation_id: Key = None) -> MarkSessionResult:
    """Has a session count as unread."""
    scope = once(info, "markUnread", client_mutation_id, id)
    return SessionPayload(session=Session.of(await memberships.mark_unread(scope, identifier.parse("id", id))))


async def save_draft(
    info: Info,
    id: SessionId,
    text: Annotated[str, strawberry.argument(description="At most 200,000 characters; blank text is no draft.")],
    last_sent_id: Annotated[strawberry.Maybe[strawberry.ID | None], strawberry.argument(description=LAST_SENT)] = None,
    client_mutation_id: Key = None,
) -> MarkSessionResult:
    """Keeps what the viewer is about to say."""
    scope = once(info, "saveDraft", client_mutation_id, id, text, last_sent_id)
    after = None if last_sent_id is None else drafts.After(identifier.optional("lastSentId", last_sent_id.value))
    seen = await memberships.save_draft(scope, identifier.parse("id", id), text, after=after)
    return SessionPayload(session=Session.of(seen))


async def set_state(
    info: Info,
    id: SessionId,
    values: Annotated[
        JSON, strawberry.argument(description="A JSON object: the keys to set. Null takes one away; the others stay.")
    ],
    client_mutation_id: Key = None,
) -> SetSessionStateResult:
    """Sets some of what clients share of a session."""
    scope = once(info, "setSessionState", client_mutation_id, id, values)
    return SessionPayload(session=Session.of(await state.set_values(scope, identifier.parse("id", id), values)))


async def move(
    info: Info,
    id: SessionId,
    before_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="The session that comes next; without it: to the end.")
    ] = None,
    client_mutation_id: Key = None,
) -> MarkSessionResult:
    """Puts a session somewhere in the viewer's own order."""
    scope = once(info, "moveSession", client_mutation_id, id, before_id)
    place = identifier.optional("beforeId", before_id)
    return SessionPayload(session=Session.of(await memberships.move(scope, identifier.parse("id", id), place)))


async def summarize(
    info: Info,
    id: SessionId,
    replace: Annotated[
        bool, strawberry.argument(description="Whether it may take the place of a summary that a person wrote.")
    ] = False,
    client_mutation_id: Key = None,
) -> SummarizeSessionResult:
    """Has the model write a summary."""
    scope = once(info, "summarizeSession", client_mutation_id, id, replace)
    seen = await summarizer.summarize(scope, identifier.parse("id", id), replace=replace)
    return SessionPayload(session=Session.of(seen))


async def delete(info: Info, id: SessionId, client_mutation_id: Key = None) -> DeleteSessionResult:
    """Deletes a session."""
    row, _ = await sessions.delete(once(info, "deleteSession", client_mutation_id, id), identifier.parse("id", id))
    return DeleteSessionPayload(id=identifier.of(row.id))


async def follow(
    info: Info,
    id: SessionId,
    after: AfterEvent = None,
    leaf_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="If you come back with `after`: the last message of the path that you show. If you see another "
            "path by now, you are told what is new of it."
        ),
    ] = None,
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
    leaf = None if leaf_id is None else identifier.parse("leafId", leaf_id)
    window = streams.session(scope, session_id, begin, leaf_id=leaf, present=presence, every=every)
    return Followed(window, event.of_session)


async def changes(
    info: Info,
    after: AfterChange = None,
    counts: Annotated[
        bool, strawberry.argument(description="Whether to tell what badges say, when it changes: `CountsChanged`.")
    ] = False,
) -> AsyncIterator[AccountEvent]:
    """What happens to the account's sessions, projects and agents."""
    window = streams.account(info.context.scope, info.context.resumed_at or after, counts=counts)
    return Followed(window, event.of_account)


async def set_typing(
    info: Info,
    id: SessionId,
    typing: Annotated[bool, strawberry.argument(description="Whether you are typing. It counts for six seconds.")],
) -> SetTypingResult:
    """Says that the viewer is typing."""
    await streams.typing(info.context.scope, identifier.parse("id", id), now=typing)
    return SetTypingPayload(typing=typing)
