"""A conversation."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from chat.conversation import branches, messages, placement, turns
from chat.conversation.messages import PathKey
from chat.conversation.sessions import Seen
from chat.conversation.turns import TurnKey
from chat.refusals import InvalidInput
from chat.scope import Scope
from db import models, rows
from db.page import Page
from schema import choice, connection, identifier
from schema.agent import Agent
from schema.connection import LONGEST, After, Before, First, Last
from schema.context import Info
from schema.cursor import SyncCursor
from schema.fork import ForkedFrom, Origin
from schema.fullness import ContextUse
from schema.message import Message, MessageConnection
from schema.node import Node
from schema.project import Project
from schema.run import Run
from schema.shown import later, same, shown
from schema.summary import Summary
from schema.turn import Turn, TurnConnection
from sync.cursors import Cursor, ScopeKind

choice.describe(
    models.MemberRole,
    "What a member may do in a session.",
    OWNER="Everything.",
    WRITER="Read and write, but not delete it.",
    READER="Read.",
)
choice.describe(
    models.TitleSource,
    "Who gave a session its title.",
    NONE="Nobody: it has none.",
    FIRST_WORDS="It is the beginning of the first message.",
    MODEL="The model, after the first exchange.",
    PERSON="A person, or an app. No other takes its place.",
)

PAGE = 50
"""Messages of a page where no number is asked for."""
TURNS = 20
"""Turns of such a page."""


# What a stream asks for with every event is a future: a coroutine would have to be awaited to its end.


def _project(session: strawberry.Parent["Session"], info: Info) -> Awaitable[Project | None]:
    return later(info.context.projects, session.project_id, Project.of)


def _agent(session: strawberry.Parent["Session"], info: Info) -> Awaitable[Agent | None]:
    return later(info.context.agents, session.agent_id, Agent.of)


def _unread_count(session: strawberry.Parent["Session"], info: Info) -> Awaitable[int]:
    return info.context.unread.load(UUID(session.id))


async def _runs(session: strawberry.Parent["Session"], info: Info) -> list[Run]:
    return [Run.of(row) for row in await info.context.active_runs.load(UUID(session.id))]


Through = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="A message that the path goes through, down to the newest leaf below it: for a window that shows "
        "another branch than the one that you have chosen. Cursors stay on their path."
    ),
]


async def _messages(
    session: strawberry.Parent["Session"],
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    through_id: Through = None,
) -> MessageConnection:
    scope, session_id = info.context.scope, UUID(session.id)
    span = connection.span(_key, first, after, last, before, default=PAGE)
    page, branch = await messages.page(scope, session_id, span, branch=await _branch(session, info, through_id))
    return _connection(scope, session_id, page, branch)


async def _around(
    session: strawberry.Parent["Session"],
    info: Info,
    message_id: Annotated[strawberry.ID, strawberry.argument(description="The message's id.")],
    before: Annotated[int, strawberry.argument(description="How many before it.")] = 25,
    after: Annotated[int, strawberry.argument(description="How many after it.")] = 25,
) -> MessageConnection | None:
    if before < 0 or after < 0 or before + after >= LONGEST:
        field = "before" if before < 0 else "after"
        raise InvalidInput(field, f"`before` and `after` are at least 0, and together less than {LONGEST}.")
    scope, session_id = info.context.scope, UUID(session.id)
    found = await branches.around(scope, session_id, identifier.parse("messageId", message_id), before, after)
    return None if found is None else _connection(scope, session_id, found.page, found.branch)


async def _turns(
    session: strawberry.Parent["Session"],
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    through_id: Through = None,
) -> TurnConnection:
    scope, session_id = info.context.scope, UUID(session.id)
    span = connection.span(_turn_key, first, after, last, before, default=TURNS)
    page, branch = await turns.page(scope, session_id, span, branch=await _branch(session, info, through_id))
    return TurnConnection.of(
        page,
        Turn.of,
        lambda turn: connection.encode("turn", branch, turn.first, turn.stop),
        lambda: turns.count(scope, session_id, branch),
    )


async def _branch(session: "Session", info: Info, through_id: strawberry.ID | None) -> int | None:
    if through_id is None:
        return None
    return await branches.through(info.context.scope, UUID(session.id), identifier.parse("throughId", through_id))


def _connection(
    scope: Scope, session_id: UUID, page: Page[models.Message | rows.Message], branch: int
) -> MessageConnection:
    return MessageConnection.of(
        page,
        Message.of,
        lambda row: connection.encode("message", branch, row.depth),
        lambda: messages.count(scope, session_id, branch),
    )


def _key(field: str, cursor: str) -> PathKey:
    return PathKey(*map(connection.whole, connection.decode("message", field, cursor)))


def _turn_key(field: str, cursor: str) -> TurnKey:
    return TurnKey(*map(connection.whole, connection.decode("turn", field, cursor)))


def _leaf_id(session: strawberry.Parent["Session"], info: Info) -> Awaitable[strawberry.ID | None]:
    return info.context.leaf_ids.load((UUID(session.id), session.branch))


async def _context(session: strawberry.Parent["Session"], info: Info) -> ContextUse | None:
    found = await info.context.fullness.load((UUID(session.id), session.branch))
    return None if found is None else ContextUse.of(found)


def _forked_from(session: strawberry.Parent["Session"], info: Info) -> Awaitable[ForkedFrom | None]:
    return info.context.origins.load(session.origin)


@strawberry.type(description="A conversation between its members and an agent.")
class Session(Node):
    """A session as one of its members sees it."""

    title: str | None = strawberry.field(
        description="Its title; at most 255 characters. Made from the first exchange unless a person gives one."
    )
    title_source: models.TitleSource = strawberry.field(description="Who gave it its title.")
    project_id: strawberry.Private[UUID | None]
    project: Project | None = strawberry.field(resolver=_project, description="The project that it is in, if any.")
    agent_id: strawberry.Private[UUID | None]
    agent: Agent | None = strawberry.field(resolver=_agent, description="The agent that answers, if one was named.")
    metadata: JSON = strawberry.field(description="A JSON object for the app's own use, the same for all members.")
    state: JSON = strawberry.field(
        description="What clients share of it: JSON by key, the same for all members. See `setSessionState`."
    )
    summary: Summary | None = strawberry.field(
        description="What was said in it, in short, if that has been written: see `summarizeSession`."
    )
    context: ContextUse | None = strawberry.field(
        resolver=_context, description="How full the window of the model is that would answer next. Reads the branch."
    )
    external_id: str | None = strawberry.field(description="What an app calls it.")
    message_count: int = strawberry.field(description="How many messages it has, on all its branches.")
    last_message_preview: str | None = strawberry.field(description="The beginning of its newest message, on one line.")
    last_activity_at: datetime = strawberry.field(description="When something was last said in it.")
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    deleted_at: datetime | None = strawberry.field(
        description="When it was deleted, if it is in the trash. Its messages can be read when it is restored."
    )
    role: models.MemberRole = strawberry.field(description="What you may do in it.")
    archived_at: datetime | None = strawberry.field(description="When you put it away, if you did.")
    pinned_at: datetime | None = strawberry.field(description="When you pinned it, if you did.")
    starred_at: datetime | None = strawberry.field(description="When you starred it, if you did.")
    folder_id: strawberry.ID | None = strawberry.field(description="The folder that you keep it in, if any.")
    tags: list[str] = strawberry.field(description="Your tags, in the order in which you gave them.")
    position: str = strawberry.field(
        description="Its place in your own order: compare places as text, character by character; the lowest is first."
    )
    draft: str | None = strawberry.field(description="What you are about to say in it.")
    last_sent_id: strawberry.ID | None = strawberry.field(
        description="What you sent last in it, though it may be deleted since: a draft comes after it. See `saveDraft`."
    )
    unread: bool = strawberry.field(description="Whether there is something new for you, or you marked it so.")
    unread_count: int = strawberry.field(
        resolver=_unread_count,
        description="How many messages of others are new to you, at most 100: those that are whole, and came after "
        "what you have read.",
    )
    cursor: SyncCursor = strawberry.field(
        description="Where the session stood when this was read. Subscribe to `session` after it and you miss nothing."
    )
    active_runs: list[Run] = strawberry.field(
        resolver=_runs, description="The runs that are not over, in the order in which they are executed."
    )
    messages: MessageConnection = strawberry.field(
        resolver=_messages,
        description="The messages of the branch that you see, from the first to the newest. "
        "Without arguments: the first 50. `last: 50` gives what a chat shows.",
    )
    around: MessageConnection | None = strawberry.field(
        resolver=_around,
        description="A message with those before and after it, for links and search hits; null if it is not there. "
        "Along the branch that you see, or else down to the newest leaf below it. Its cursors are those of `messages`.",
    )
    turns: TurnConnection = strawberry.field(
        resolver=_turns,
        description="The same messages as `messages`, as questions and what came of them. Without arguments: the "
        "first 20.",
    )
    branch: strawberry.Private[int]
    branch_chosen: bool = strawberry.field(
        description="Whether you have chosen the branch that you see. If not, it is the one that was written to last."
    )
    leaf_id: strawberry.ID | None = strawberry.field(
        resolver=_leaf_id,
        description="The last message of the branch that you see: it and what is above it is what a chat shows.",
    )
    origin: strawberry.Private[Origin | None]
    forked_from: ForkedFrom | None = strawberry.field(
        resolver=_forked_from, description="Where it was copied from, if it was, as long as you may see that."
    )

    @classmethod
    def of(cls, seen: Seen | rows.Seen) -> "Session":
        """A session's row and a membership's, as that member sees them; they may have been read as one."""
        return _Shown(*seen) if isinstance(seen, tuple) else _Shown(seen, seen)


class _Shown(Session):
    """A session whose fields are made when they are asked for: of those in a list, most are not."""

    def __init__(self, row: models.Session | rows.Seen, membership: models.Membership | rows.Seen) -> None:
        self.row = row
        self.membership = membership

    id = shown(lambda session: str(session.row.id))
    title = same("row.title")
    title_source = same("row.title_source")
    project_id = same("row.project_id")
    agent_id = same("row.agent_id")
    metadata = same("row.meta")
    state = same("row.state")
    summary = shown(lambda session: Summary.of(session.row.summary))
    external_id = same("row.external_id")
    message_count = same("row.message_count")
    last_message_preview = same("row.last_message_preview")
    last_activity_at = same("row.last_activity_at")
    version = same("row.version")
    created_at = same("row.created_at")
    updated_at = same("row.updated_at")
    deleted_at = same("row.deleted_at")
    role = same("membership.role")
    archived_at = same("membership.archived_at")
    branch = shown(lambda session: placement.shown(session.row, session.membership))
    branch_chosen = shown(lambda session: session.membership.branch is not None)
    origin = shown(lambda session: _origin(session.row))
    pinned_at = same("membership.pinned_at")
    starred_at = same("membership.starred_at")
    folder_id = shown(lambda session: identifier.optional_of(session.membership.folder_id))
    tags = same("membership.tags")
    position = same("membership.position")
    draft = same("membership.draft")
    last_sent_id = shown(lambda session: identifier.optional_of(session.membership.last_sent_id))
    unread = same("membership.unread")
    cursor = shown(lambda session: SyncCursor(str(_cursor(session.row))))


def _origin(row: models.Session | rows.Seen) -> Origin | None:
    if row.forked_session_id is None or row.forked_message_id is None:
        return None
    return row.forked_session_id, row.forked_message_id


def _cursor(row: models.Session | rows.Seen) -> Cursor:
    return Cursor(ScopeKind.SESSION, row.id, row.epoch, row.head)
