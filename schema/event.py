"""What subscriptions tell."""

from typing import Annotated, TypedDict

import strawberry

from db import models, rows
from schema import choice, identifier, part
from schema.agent import Agent
from schema.count import CountsChanged
from schema.cursor import SyncCursor
from schema.folder import Folder
from schema.message import Message
from schema.part import Part
from schema.project import Project
from schema.run import Run
from schema.session import Session
from schema.template import Template
from sync import events

choice.describe(
    events.ResetReason,
    "Why a stream cannot go on from where you were.",
    BAD_CURSOR="The cursor is of something else.",
    EPOCH="The history has been rewritten since, as after a restored backup.",
    EXPIRED="The cursor is more than 30 days old, and what was deleted since may be forgotten.",
    TOO_FAR="So much has changed since that fetching again is quicker.",
    ACCESS_CHANGED="It was deleted, or is not yours to see any more.",
    SLOW_CONSUMER="You read so slowly that fetching again is quicker than catching up.",
)

CURSOR = "Subscribe after it to go on from here."
ORIGIN = "What the client that caused this calls itself, so that a window knows its own echo."
MUTATION = "The key of the mutation that caused this, if it had one: so a client knows which of its own it was."


@strawberry.type
class _Change:
    """What every event says that a mutation, or the server, has caused."""

    cursor: SyncCursor = strawberry.field(description=CURSOR)
    origin: str | None = strawberry.field(description=ORIGIN)
    client_mutation_id: str | None = strawberry.field(description=MUTATION)


@strawberry.type(description="A message was stored or changed. This is all of it.")
class MessageChanged(_Change):
    """See `sync.events.MessageChanged`."""

    message: Message = strawberry.field(description="The message, with what a run has written so far.")


@strawberry.type(description="A message was deleted.")
class MessageDeleted(_Change):
    """The tombstone of a message."""

    id: strawberry.ID = strawberry.field(description="The message that is gone.")


@strawberry.type(description="A run was queued, began, or ended.")
class RunChanged(_Change):
    """See `sync.events.RunChanged`."""

    run: Run = strawberry.field(description="The run as it is now.")


@strawberry.type(
    description="A message was made beside others that follow the same message, or begin the session; or one of these "
    "was deleted, brought back, or changed otherwise. What is told of that one comes next."
)
class SiblingsChanged:
    """See `sync.events.SiblingsChanged`."""

    parent_id: strawberry.ID | None = strawberry.field(
        description="The message that they follow; null: they begin the session."
    )
    ids: list[strawberry.ID] = strawberry.field(description="All of them, in the order of creation.")


@strawberry.type(
    description="You see another path through the session, or the end of it is another message. What is new to you of "
    "the newest messages of that path has been told."
)
class BranchChanged:
    """See `sync.events.BranchChanged`."""

    leaf_id: strawberry.ID | None = strawberry.field(
        description="The last message of the path: it, and by `parentId` what is above it, is what a chat shows. Null: "
        "there are no messages."
    )
    branch_chosen: bool = strawberry.field(
        description="Whether you have chosen the branch. If not, it is the one that was written to last."
    )


@strawberry.type(description="Text was appended to a part of a message.")
class TextDelta:
    """See `sync.events.TextDelta`."""

    run_id: strawberry.ID = strawberry.field(description="The run that writes.")
    message_id: strawberry.ID = strawberry.field(description="The message that grows.")
    index: int = strawberry.field(description="The part that grows.")
    offset: int = strawberry.field(
        description="Where the text begins in the part, in UTF-16 code units (as JavaScript counts): "
        "always the length that the part had."
    )
    text: str = strawberry.field(description="The text to append.")


@strawberry.type(description="A part of a message was opened, or is now this.")
class PartChanged:
    """See `sync.events.PartChanged`."""

    run_id: strawberry.ID = strawberry.field(description="The run that writes.")
    message_id: strawberry.ID = strawberry.field(description="The message that the part is of.")
    part: Part = strawberry.field(description="The part; its `index` says where it belongs.")


@strawberry.type(description="A window that has the session open.")
class Present:
    """See `sync.events.Present`."""

    window_id: strawberry.ID = strawberry.field(description="An id of the window, as long as it is open.")
    user_id: strawberry.ID = strawberry.field(description="The account that it belongs to.")
    client: str | None = strawberry.field(description="What the window calls itself.")
    typing: bool = strawberry.field(description="Whether someone is typing in it.")


@strawberry.type(description="Who has the session open has changed, or who is typing. This is all of it.")
class PresenceChanged:
    """See `sync.events.PresenceChanged`."""

    count: int = strawberry.field(description="How many windows there are.")
    present: list[Present] = strawberry.field(description="The first 100 of them.")


@strawberry.type(description="A model reads what it is told, before it says anything. Long conversations take a while.")
class RunProgress:
    """See `sync.events.RunProgress`."""

    run_id: strawberry.ID = strawberry.field(description="The run that is to write.")
    read: int = strawberry.field(description="How many tokens it has read.")
    total: int = strawberry.field(description="How many there are to read.")
    compacting: bool = strawberry.field(
        description="Whether it reads the older part of the conversation to put it in short; the reply comes then."
    )


@strawberry.type(description="Everything up to here has been told. What follows is live.")
class CaughtUp:
    """See `sync.events.CaughtUp`."""

    cursor: SyncCursor = strawberry.field(description=CURSOR)


@strawberry.type(description="The stream ends: fetch again, and subscribe after the cursor of what you fetched.")
class Reset:
    """See `sync.events.Reset`."""

    reason: events.ResetReason = strawberry.field(description="Why it cannot go on.")


@strawberry.type(description="A project was made or changed.")
class ProjectChanged(_Change):
    """See `sync.events.ProjectChanged`."""

    project: Project = strawberry.field(description="The project as it is now.")


@strawberry.type(description="A project was deleted.")
class ProjectDeleted(_Change):
    """The tombstone of a project."""

    id: strawberry.ID = strawberry.field(description="The project that is gone.")


@strawberry.type(description="One of your agents was made or changed.")
class AgentChanged(_Change):
    """See `sync.events.AgentChanged`."""

    agent: Agent = strawberry.field(description="The agent as it is now.")


@strawberry.type(description="One of your agents was deleted.")
class AgentDeleted(_Change):
    """The tombstone of an agent."""

    id: strawberry.ID = strawberry.field(description="The agent that is gone.")


@strawberry.type(description="One of your templates was made or changed.")
class TemplateChanged(_Change):
    """See `sync.events.TemplateChanged`."""

    template: Template = strawberry.field(description="The template as it is now.")


@strawberry.type(description="One of your templates was deleted.")
class TemplateDeleted(_Change):
    """The tombstone of a template."""

    id: strawberry.ID = strawberry.field(description="The template that is gone.")


@strawberry.type(description="One of your folders was made or changed.")
class FolderChanged(_Change):
    """See `sync.events.FolderChanged`."""

    folder: Folder = strawberry.field(description="The folder as it is now.")


@strawberry.type(description="One of your folders was deleted.")
class FolderDeleted(_Change):
    """The tombstone of a folder."""

    id: strawberry.ID = strawberry.field(description="The folder that is gone.")


@strawberry.type(description="A session, or how you see it, was made or changed.")
class SessionChanged(_Change):
    """See `sync.events.SessionChanged`."""

    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="A session was deleted.")
class SessionDeleted(_Change):
    """The tombstone of a session."""

    id: strawberry.ID = strawberry.field(description="The session that is gone.")


SessionEvent = Annotated[
    MessageChanged
    | MessageDeleted
    | SiblingsChanged
    | BranchChanged
    | RunChanged
    | PartChanged
    | TextDelta
    | PresenceChanged
    | RunProgress
    | CaughtUp
    | Reset,
    strawberry.union("SessionEvent", description="What happens in one session."),
]
AccountEvent = Annotated[
    SessionChanged
    | SessionDeleted
    | ProjectChanged
    | ProjectDeleted
    | AgentChanged
    | AgentDeleted
    | FolderChanged
    | FolderDeleted
    | TemplateChanged
    | TemplateDeleted
    | CountsChanged
    | CaughtUp
    | Reset,
    strawberry.union(
        "AccountEvent",
        description="What happens to an account's sessions, projects, agents, folders and templates.",
    ),
]


class _Signature(TypedDict):
    """Who caused an event."""

    origin: str | None
    client_mutation_id: str | None


def of_session(event: events.SessionEvent) -> SessionEvent:
    """An event of a session as clients see it."""
    match event:
        case events.TextDelta(run_id, message_id, index, offset, text):
            return TextDelta(
                run_id=identifier.often(run_id),
                message_id=identifier.often(message_id),
                index=index,
                offset=offset,
                text=text,
            )
        case events.PartChanged(run_id, message_id, index, stored):
            return PartChanged(
                run_id=identifier.of(run_id), message_id=identifier.of(message_id), part=part.of(index, stored)
            )
        case events.MessageChanged(cursor, row) if row.deleted_at is not None:
            return MessageDeleted(cursor=SyncCursor(str(cursor)), **_sign(row), id=identifier.of(row.id))
        case events.MessageChanged(cursor, row):
            return MessageChanged(cursor=SyncCursor(str(cursor)), **_sign(row), message=Message.of(row))
        case events.RunChanged(cursor, run):
            return RunChanged(cursor=SyncCursor(str(cursor)), **_sign(run), run=Run.of(run))
        case events.SiblingsChanged(_, parent_id, ids):
            return SiblingsChanged(parent_id=identifier.optional_of(parent_id), ids=[identifier.of(id) for id in ids])
        case events.BranchChanged(leaf_id, chosen):
            return BranchChanged(leaf_id=identifier.optional_of(leaf_id), branch_chosen=chosen)
        case events.PresenceChanged(count, present):
            return PresenceChanged(count=count, present=[_present(each) for each in present])
        case events.RunProgress(run_id, read, total, compacting):
            return RunProgress(run_id=identifier.of(run_id), read=read, total=total, compacting=compacting)
        case events.CaughtUp() | events.Reset():
            return _of_stream(event)


def _sign(
    row: models.Message
    | rows.Message
    | models.Run
    | rows.Run
    | models.Project
    | models.Agent
    | models.Folder
    | models.Template
    | models.Membership,
) -> _Signature:
    return {"origin": row.origin, "client_mutation_id": row.mutation}


def _present(window: events.Present) -> Present:
    return Present(
        window_id=identifier.of(window.window_id),
        user_id=identifier.of(window.user_id),
        client=window.client,
        typing=window.typing,
    )


def _of_stream(event: events.CaughtUp | events.Reset) -> CaughtUp | Reset:
    if isinstance(event, events.Reset):
        return Reset(reason=event.reason)
    return CaughtUp(cursor=SyncCursor(str(event.cursor)))


def of_account(event: events.AccountEvent) -> AccountEvent:
    """An event of an account as clients see it."""
    match event:
        case events.SessionChanged(cursor, row, membership) if row.deleted_at is not None:
            return SessionDeleted(cursor=SyncCursor(str(cursor)), **_sign(membership), id=identifier.of(row.id))
        case events.SessionChanged(cursor, row, membership):
            return SessionChanged(
                cursor=SyncCursor(str(cursor)), **_sign(membership), session=Session.of((row, membership))
            )
        case events.ProjectChanged(cursor, project) if project.deleted_at is not None:
            return ProjectDeleted(cursor=SyncCursor(str(cursor)), **_sign(project), id=identifier.of(project.id))
        case events.ProjectChanged(cursor, project):
            return ProjectChanged(cursor=SyncCursor(str(cursor)), **_sign(project), project=Project.of(project))
        case events.AgentChanged(cursor, agent) if agent.deleted_at is not None:
            return AgentDeleted(cursor=SyncCursor(str(cursor)), **_sign(agent), id=identifier.of(agent.id))
        case events.AgentChanged(cursor, agent):
            return AgentChanged(cursor=SyncCursor(str(cursor)), **_sign(agent), agent=Agent.of(agent))
        case events.TemplateChanged(cursor, template) if template.deleted_at is not None:
            return TemplateDeleted(cursor=SyncCursor(str(cursor)), **_sign(template), id=identifier.of(template.id))
        case events.TemplateChanged(cursor, template):
            return TemplateChanged(cursor=SyncCursor(str(cursor)), **_sign(template), template=Template.of(template))
        case events.FolderChanged(cursor, folder) if folder.deleted_at is not None:
            return FolderDeleted(cursor=SyncCursor(str(cursor)), **_sign(folder), id=identifier.of(folder.id))
        case events.FolderChanged(cursor, folder):
            return FolderChanged(cursor=SyncCursor(str(cursor)), **_sign(folder), folder=Folder.of(folder))
        case events.CountsChanged(counts):
            return CountsChanged.of(counts)
        case events.CaughtUp() | events.Reset():
            return _of_stream(event)
