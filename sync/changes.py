"""What has become true in a scope since a number: rows in the order of their last change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from db import changes, memberships, owned, rows, users
from db.database import Database
from db.models import Agent, Folder, Project, RunStatus, Template
from db.reader import Readers
from sync import in_flight
from sync.channels import Frame
from sync.cursors import Cursor, ScopeKind
from sync.events import (
    AgentChanged,
    BranchChanged,
    FolderChanged,
    MessageChanged,
    ProjectChanged,
    RowEvent,
    RunChanged,
    SessionChanged,
    SiblingsChanged,
    TemplateChanged,
)

PAGE = 500
"""Rows of each kind that one read takes at most."""

_PRODUCING = (RunStatus.RUNNING, RunStatus.AWAITING_INPUT)


@dataclass(slots=True)
class Writing:
    """How far a run that is being written is known."""

    epoch: int
    last: int
    """The number of the last known event of the epoch."""
    message_id: UUID


@dataclass(frozen=True, slots=True)
class Seen:
    """The path that a member sees."""

    path: changes.Told
    leaf_id: UUID | None
    branch: int | None
    """The branch that the member has chosen."""
    moment: tuple[int, int]
    """The numbers of the session's and of the membership's last change: they are higher in whatever is newer."""

    @property
    def shown(self) -> tuple[UUID | None, bool]:
        """The last message, and whether the branch was chosen."""
        return self.leaf_id, self.branch is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a window stands that reads for itself."""

    after: int | None
    """The number up to which it knows everything; None: it knows nothing."""
    user_id: UUID
    leaf_id: UUID | None
    """The last message of the path that it shows of a session, if it has said so."""


@dataclass(slots=True)
class News:
    """One read of a scope, all of one moment."""

    epoch: int
    end: int
    """The last number taken in the scope."""
    head: int
    """The number up to which everything is in `events`, or was before."""
    events: list[RowEvent | SiblingsChanged] = field(default_factory=list)
    seen: dict[UUID, Seen] = field(default_factory=dict)
    """What each member of a session sees who was asked for; empty if there is more."""
    path: list[MessageChanged | SiblingsChanged] = field(default_factory=list)
    """What members whose path is another one by now may not have been told of it, and is not in `events`."""
    told: Mapping[UUID, changes.Told | None] = field(default_factory=dict)
    """Which paths `path` goes on from. None: it is the whole end of the path."""
    branches: dict[tuple[UUID | None, bool], BranchChanged] = field(default_factory=dict)
    """What tells of `seen`, by the leaf and whether it was chosen: one event for all who see the same."""
    horizon: int = 0
    """The number up to which tombstones may be gone."""
    more: bool = False
    """Whether another read must follow, because this one was full."""
    writing: dict[UUID, Writing] = field(default_factory=dict)
    """The runs of which a message in `events` or `path` holds all that was journaled."""
    over: set[UUID] = field(default_factory=set)
    """The runs of `events` that are not being written."""
    frames: list[Frame] = field(default_factory=list)
    """Journaled events that were asked for."""


async def of_account(db: Database, user_id: UUID, after: int | None) -> News | None:
    """What changed in an account after a number; only where it stands if that is None. None: no such account."""
    standing = await users.standing(db.readers, user_id)
    if standing is None:
        return None
    if after is None or after >= standing.head:
        return News(standing.epoch, standing.head, standing.head, horizon=standing.horizon)
    async with db.system(snapshot=True) as tx:
        return await _changed(tx, user_id, after)


async def _changed(tx: AsyncSession, user_id: UUID, after: int) -> News | None:
    user = await users.get(tx, user_id)
    if user is None:
        return None
    news = News(user.epoch, user.head, user.head, horizon=user.horizon)

    def cursor(seq: int) -> Cursor:
        return Cursor(ScopeKind.ACCOUNT, user_id, user.epoch, seq)

    changed: list[Sequence[RowEvent]] = [
        [ProjectChanged(cursor(row.seq), row) for row in await owned.changed(tx, Project, user_id, after, PAGE)],
        [AgentChanged(cursor(row.seq), row) for row in await owned.changed(tx, Agent, user_id, after, PAGE)],
        [FolderChanged(cursor(row.seq), row) for row in await owned.changed(tx, Folder, user_id, after, PAGE)],
        [TemplateChanged(cursor(row.seq), row) for row in await owned.changed(tx, Template, user_id, after, PAGE)],
        [
            SessionChanged(cursor(membership.seq), session, membership)
            for session, membership in await memberships.changed(tx, user_id, after, PAGE)
        ],
    ]
    _merge(news, changed)
    return news


async def newest(readers: Readers, session_id: UUID, user_id: UUID | None, count: int) -> News | None:
    """The last `count` messages of the branch that a member sees, that branch, and every message in flight.

    None: there is no such session, or it is deleted.
    """
    found = await changes.newest(readers, session_id, count, user_id)
    if not found:
        return None
    news = _standing(found)
    page = sorted((row for row in found if row.kind == "message"), key=lambda row: row.depth)
    news.events += _told(news, found, [(0, row) for row in page])  # who breaks off here has not got them all
    _fly(news, found)
    _see(news, found)
    return news


async def of_session(readers: Readers, session_id: UUID, place: Place) -> News | None:
    """What a window has missed of a session; the last read also has every message in flight once, changed or not.

    And the branch that its user sees. None: there is no such session, or it is deleted.
    """
    if place.after is None:
        return await newest(readers, session_id, place.user_id, changes.BEGINNING)
    news = await _after(readers, session_id, place, None)
    seen = None if news is None else news.seen.get(place.user_id)
    if seen is None or place.leaf_id in (None, seen.leaf_id):
        return news
    return await _after(readers, session_id, place, place.leaf_id)  # which takes longer, and is rarely wanted


async def _after(readers: Readers, session_id: UUID, place: Place, leaf_id: UUID | None) -> News | None:
    found = await changes.since(readers, session_id, place.after or 0, PAGE, place.user_id, leaf_id)
    if not found:
        return None
    news = _since(found, session_id)
    if not news.more:
        _fly(news, found)
        _turn(news, found)
        _see(news, found)
    return news


async def missed(
    readers: Readers,
    session_id: UUID,
    after: int,
    known: Mapping[UUID, Writing],
    told: Mapping[UUID, changes.Told | None],
) -> News | None:
    """What changed in a session after a number, and what each of these runs has journaled after what is known.

    And the branches that members see, who were told of other paths. None: there is no such session, or it is deleted.
    """
    news = await _missed(readers, session_id, after, known, told, turned=False)
    if news is None or not any(_turned(told.get(user_id), seen.path) for user_id, seen in news.seen.items()):
        return news
    return await _missed(readers, session_id, after, known, told, turned=True)  # as above


def _turned(told: changes.Told | None, now: changes.Told) -> bool:
    """Whether a path does not just go on after what was told."""
    return told is None or told.number != now.number or told.length > now.length


async def _missed(
    readers: Readers,
    session_id: UUID,
    after: int,
    known: Mapping[UUID, Writing],
    told: Mapping[UUID, changes.Told | None],
    *,
    turned: bool,
) -> News | None:
    places = [(run_id, writing.epoch, writing.last) for run_id, writing in known.items()]
    found = await changes.since_with_journal(readers, session_id, after, PAGE, places, told, turned=turned)
    if not found:
        return None
    news = _since(found, session_id)
    journal = sorted((row for row in found if row.kind == "delta"), key=lambda row: row.delta_seq)
    news.frames += [_frame(row, known[row.delta_run_id].message_id) for row in journal]
    if not news.more:
        news.told = told
        _turn(news, found)
        _see(news, found)
    return news


def _frame(row: rows.Change, message_id: UUID) -> Frame:
    return Frame(row.delta_run_id, message_id, row.delta_epoch, row.delta_seq, orjson.loads(row.delta_events))


def _standing(found: Sequence[rows.Change]) -> News:
    return News(found[0].scope_epoch, found[0].scope_head, found[0].scope_head)


def _since(found: Sequence[rows.Change], session_id: UUID) -> News:
    news = _standing(found)
    messages = sorted((row for row in found if row.kind == "message"), key=lambda row: row.seq)
    runs = sorted((rows.Run(row) for row in found if row.kind == "run"), key=lambda run: run.seq)
    _limit(news, [[row.seq for row in messages], [run.seq for run in runs]])
    changed = [(row.seq, row) for row in messages if row.seq <= news.head]
    told: list[RowEvent | SiblingsChanged] = [*_told(news, found, changed)]
    for run in runs:
        if run.seq <= news.head:
            told.append(RunChanged(Cursor(ScopeKind.SESSION, session_id, news.epoch, run.seq), run))
            if run.status not in _PRODUCING:
                news.over.add(run.id)
    news.events += sorted(told, key=lambda event: event.cursor.seq)
    return news


def _fly(news: News, found: Sequence[rows.Change]) -> None:
    """Adds the messages in flight that are not told yet."""
    told = _messages(news.events)
    flying = [(news.head, row) for row in found if row.kind == "flying" and row.id not in told]
    news.events += _told(news, found, flying)


def _turn(news: News, found: Sequence[rows.Change]) -> None:
    """Adds the messages of other paths that are not told yet."""
    told = _messages(news.events)
    page = {row.id: row for row in found if row.kind == "path" and row.id not in told}
    path = sorted(page.values(), key=lambda row: row.depth)
    news.path += _told(news, found, [(news.head, row) for row in path])


def _see(news: News, found: Sequence[rows.Change]) -> None:
    """Says what each member sees."""
    for path in (row.data for row in found if row.kind == "seen"):
        leaf_id = None if path["leaf"] is None else UUID(path["leaf"])
        told = changes.Told(path["number"], path["length"])
        for user_id, seq, branch in path["members"]:
            seen = news.seen[UUID(user_id)] = Seen(told, leaf_id, branch, (news.head, seq))
            news.branches.setdefault(seen.shown, BranchChanged(*seen.shown))


def _messages(events: Sequence[RowEvent | SiblingsChanged]) -> set[UUID]:
    return {event.row.id for event in events if isinstance(event, MessageChanged)}


def _told(
    news: News, found: Sequence[rows.Change], told: Sequence[tuple[int, rows.Change]]
) -> Iterable[MessageChanged | SiblingsChanged]:
    """Messages with their numbers, each with what its run has written so far.

    Before the first of some that follow the same message comes what these are, unless there is but one.
    """
    families = [row.data for row in found if row.kind == "siblings"]
    beside = {family["parent"]: family["ids"] or () for family in families}
    shrunk = {row.parent_id for _, row in told if row.deleted_at is not None}
    for seq, row in told:
        cursor = Cursor(ScopeKind.SESSION, row.session_id, news.epoch, seq)
        ids = beside.pop(None if row.parent_id is None else str(row.parent_id), ())
        if len(ids) > 1 or (ids and row.parent_id in shrunk):
            yield SiblingsChanged(cursor, row.parent_id, [UUID(id) for id in ids])
        yield MessageChanged(cursor, in_flight.whole(row))
        if row.writing is not None and row.run_id is not None:
            epoch, last = row.writing
            news.writing[row.run_id] = Writing(epoch, last, row.id)


def _limit(news: News, kinds: Sequence[Sequence[int]]) -> None:
    """Has the news end where the first full page of a kind ends, whose numbers in order these are."""
    full = [numbers[-1] for numbers in kinds if len(numbers) == PAGE]
    if full:
        news.more, news.head = True, min(full)


def _merge(news: News, kinds: Sequence[Sequence[RowEvent]]) -> None:
    """Puts the rows of several kinds in order, up to where the first full page ends."""
    _limit(news, [[event.cursor.seq for event in kind] for kind in kinds])
    told = [event for kind in kinds for event in kind if event.cursor.seq <= news.head]
    news.events += sorted(told, key=lambda event: event.cursor.seq)
