"""A conversation."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from chat import messages
from chat.cursors import Cursor, ScopeKind
from chat.messages import PathKey
from chat.sessions import Seen
from db import models, rows
from schema import choice, connection
from schema.agent import Agent
from schema.connection import After, Before, Connection, First, Last
from schema.context import Info
from schema.message import Message, MessageConnection
from schema.node import Node
from schema.project import Project
from schema.run import Run
from schema.shown import same, shown

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


async def _project(session: strawberry.Parent["Session"], info: Info) -> Project | None:
    row = None if session.project_id is None else await info.context.projects.load(session.project_id)
    return None if row is None else Project.of(row)


async def _agent(session: strawberry.Parent["Session"], info: Info) -> Agent | None:
    row = None if session.agent_id is None else await info.context.agents.load(session.agent_id)
    return None if row is None else Agent.of(row)


async def _runs(session: strawberry.Parent["Session"], info: Info) -> list[Run]:
    return [Run.of(row) for row in await info.context.active_runs.load(UUID(session.id))]


async def _messages(
    session: strawberry.Parent["Session"],
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> MessageConnection:
    scope, session_id = info.context.scope, UUID(session.id)
    span = connection.span(_key, first, after, last, before, default=PAGE)
    page, branch = await messages.page(scope, session_id, span)
    return MessageConnection.of(
        page,
        Message.of,
        lambda row: connection.encode("message", branch, row.depth),
        lambda: messages.count(scope, session_id, branch),
    )


def _key(field: str, cursor: str) -> PathKey:
    return PathKey(*map(connection.whole, connection.decode("message", field, cursor)))


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
    external_id: str | None = strawberry.field(description="What an app calls it.")
    message_count: int = strawberry.field(description="How many messages it has, on all its branches.")
    last_message_preview: str | None = strawberry.field(description="The beginning of its newest message, on one line.")
    last_activity_at: datetime = strawberry.field(description="When something was last said in it.")
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    role: models.MemberRole = strawberry.field(description="What you may do in it.")
    archived_at: datetime | None = strawberry.field(description="When you put it away, if you did.")
    cursor: str = strawberry.field(
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
    external_id = same("row.external_id")
    message_count = same("row.message_count")
    last_message_preview = same("row.last_message_preview")
    last_activity_at = same("row.last_activity_at")
    version = same("row.version")
    created_at = same("row.created_at")
    updated_at = same("row.updated_at")
    role = same("membership.role")
    archived_at = same("membership.archived_at")
    cursor = shown(lambda session: str(_cursor(session.row)))


def _cursor(row: models.Session | rows.Seen) -> Cursor:
    return Cursor(ScopeKind.SESSION, row.id, row.epoch, row.head)


@strawberry.type(description="A page of sessions, newest activity first.")
class SessionConnection(Connection[Session]):
    """The viewer's sessions."""

    cursor: str = strawberry.field(
        description="Where the account stood when this was read. Subscribe to `changes` after it and you miss nothing."
    )
