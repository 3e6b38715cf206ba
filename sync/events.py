"""What windows are told, in the order in which it became true."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from db import models, rows
from db.tallies import Tallies
from sync.cursors import Cursor


@dataclass(slots=True)
class Told:
    """An event. All windows of a process that are told it share this one object, so nobody changes it.

    Not frozen: that would double the time it takes to make one, and there is one for each token.
    """

    views: dict[Hashable, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was made of it for one window, and serves the others that want the same."""


@dataclass(slots=True)
class ProjectChanged(Told):
    """A project was made, changed or deleted."""

    cursor: Cursor
    row: models.Project


@dataclass(slots=True)
class AgentChanged(Told):
    """One of the account's agents was made, changed or deleted."""

    cursor: Cursor
    row: models.Agent


@dataclass(slots=True)
class FolderChanged(Told):
    """One of the account's folders was made, changed or deleted."""

    cursor: Cursor
    row: models.Folder


@dataclass(slots=True)
class TemplateChanged(Told):
    """One of the account's templates was made, changed or deleted."""

    cursor: Cursor
    row: models.Template


@dataclass(slots=True)
class SessionChanged(Told):
    """A session, or how this member sees it, was made, changed or deleted."""

    cursor: Cursor
    row: models.Session
    membership: models.Membership


@dataclass(slots=True)
class MessageChanged(Told):
    """A message was made, changed or deleted; this is all of it, with what a run has written so far."""

    cursor: Cursor
    row: models.Message | rows.Message


@dataclass(slots=True)
class RunChanged(Told):
    """A run was queued, began, or ended."""

    cursor: Cursor
    row: models.Run | rows.Run


@dataclass(slots=True)
class SiblingsChanged(Told):
    """These messages follow the same one, or begin the session, in the order of creation.

    One of them was made or changed, or there was one more, which is deleted now. The event of that row, which has the
    same cursor, comes next.
    """

    cursor: Cursor
    parent_id: UUID | None
    ids: Sequence[UUID]


@dataclass(slots=True)
class BranchChanged(Told):
    """The path that this member sees ends with this message now; what of it was not told yet has been."""

    leaf_id: UUID | None
    chosen: bool


@dataclass(slots=True)
class TextDelta(Told):
    """Text was appended to a part. `offset` is where it begins, in UTF-16 code units."""

    run_id: UUID
    message_id: UUID
    index: int
    offset: int
    text: str


@dataclass(slots=True)
class PartChanged(Told):
    """A part was opened, or is now this."""

    run_id: UUID
    message_id: UUID
    index: int
    part: models.Json


@dataclass(frozen=True, slots=True)
class Present:
    """A window that has the session open."""

    window_id: UUID
    user_id: UUID
    client: str | None
    typing: bool


@dataclass(slots=True)
class PresenceChanged(Told):
    """These windows have the session open now; `count` has also those that are not named."""

    count: int
    present: tuple[Present, ...]


@dataclass(slots=True)
class RunProgress(Told):
    """The model of a run has read so many tokens of what it was told, before it says anything."""

    run_id: UUID
    read: int
    total: int
    compacting: bool = False
    """Whether it reads what is to be told in short, so that a reply has room."""


@dataclass(slots=True)
class CountsChanged(Told):
    """So many sessions the account has of what."""

    counts: Tallies


@dataclass(slots=True)
class CaughtUp(Told):
    """Everything up to here has been told; what follows is live."""

    cursor: Cursor


class ResetReason(StrEnum):
    """Why a stream cannot go on from where the client was."""

    BAD_CURSOR = "bad_cursor"
    EPOCH = "epoch"
    EXPIRED = "expired"
    TOO_FAR = "too_far"
    ACCESS_CHANGED = "access_changed"
    SLOW_CONSUMER = "slow_consumer"


@dataclass(slots=True)
class Reset(Told):
    """The stream ends here: fetch again, and subscribe after the cursor of what was fetched."""

    reason: ResetReason


type RowEvent = (
    ProjectChanged | AgentChanged | FolderChanged | TemplateChanged | SessionChanged | MessageChanged | RunChanged
)
type AccountEvent = (
    ProjectChanged | AgentChanged | FolderChanged | TemplateChanged | SessionChanged | CountsChanged | CaughtUp | Reset
)
type SessionEvent = (
    MessageChanged
    | RunChanged
    | SiblingsChanged
    | BranchChanged
    | TextDelta
    | PartChanged
    | PresenceChanged
    | RunProgress
    | CaughtUp
    | Reset
)
type Event = AccountEvent | SessionEvent
