"""What has become true in a scope since a number: rows in the order of their last change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from chat import flight
from chat.cursors import Cursor, ScopeKind
from chat.doorbells import Frame
from chat.events import AgentChanged, MessageChanged, ProjectChanged, RowEvent, RunChanged, SessionChanged
from db import agents, branches, deltas, memberships, messages, projects, runs, sessions, users
from db.models import Delta, Message, Run, RunStatus, Session
from db.page import Span

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


@dataclass(slots=True)
class News:
    """One read of a scope, all of one moment."""

    epoch: int
    end: int
    """The last number taken in the scope."""
    head: int
    """The number up to which everything is in `events`, or was before."""
    events: list[RowEvent] = field(default_factory=list)
    horizon: int = 0
    """The number up to which tombstones may be gone."""
    more: bool = False
    """Whether another read must follow, because this one was full."""
    writing: dict[UUID, Writing] = field(default_factory=dict)
    """The runs of which a message in `events` holds all that was journaled."""
    over: set[UUID] = field(default_factory=set)
    """The runs of `events` that are not being written."""
    frames: list[Frame] = field(default_factory=list)
    """Journaled events that were asked for."""


async def of_account(tx: AsyncSession, user_id: UUID, after: int | None) -> News | None:
    """What changed in an account after a number; only where it stands if that is None. None: no such account."""
    user = await users.get(tx, user_id)
    if user is None:
        return None
    news = News(user.epoch, user.head, user.head, horizon=user.horizon)
    if after is None or after >= user.head:
        return news

    def cursor(seq: int) -> Cursor:
        return Cursor(ScopeKind.ACCOUNT, user_id, user.epoch, seq)

    changed: list[Sequence[RowEvent]] = [
        [ProjectChanged(cursor(row.seq), row) for row in await projects.changed(tx, user_id, after, PAGE)],
        [AgentChanged(cursor(row.seq), row) for row in await agents.changed(tx, user_id, after, PAGE)],
        [
            SessionChanged(cursor(membership.seq), session, membership)
            for session, membership in await memberships.changed(tx, user_id, after, PAGE)
        ],
    ]
    _merge(news, changed)
    return news


async def of_session(
    tx: AsyncSession,
    session_id: UUID,
    after: int | None,
    *,
    newest: int = 0,
    wholes: bool = False,
    missing: Mapping[UUID, Writing] = MappingProxyType({}),
) -> News | None:
    """What changed in a session after a number. None: it is deleted.

    Where there is no number to begin at, it is the `newest` messages of the branch that was written to last. With
    `wholes`, the last read also has every message in flight once, changed or not. `missing` are runs of which to read
    the journaled events after what is known.
    """
    session = await sessions.get(tx, session_id)
    if session is None or session.deleted_at is not None:
        return None
    news = News(session.epoch, session.head, session.head)

    def cursor(seq: int) -> Cursor:
        return Cursor(ScopeKind.SESSION, session_id, session.epoch, seq)

    if after is None:
        rows = await _newest(tx, session, newest)
        news.events += [MessageChanged(cursor(0), row) for row in rows]  # who breaks off here has not got them all
    elif after < session.head:
        changed: list[Sequence[RowEvent]] = [
            [MessageChanged(cursor(row.seq), row) for row in await messages.changed(tx, session_id, after, PAGE)],
            [RunChanged(cursor(row.seq), row) for row in await runs.changed(tx, session_id, after, PAGE)],
        ]
        _merge(news, changed)

    active = {run.id: run for run in await runs.active(tx, [session_id]) if run.status in _PRODUCING}
    if wholes and not news.more:
        flying = await messages.of_ids(tx, [run.message_id for run in active.values()])
        told = {event.row.id for event in news.events if isinstance(event, MessageChanged)}
        news.events += [MessageChanged(cursor(news.head), row) for row in flying.values() if row.id not in told]
    known = await flight.complete(tx, [event.row for event in news.events if isinstance(event, MessageChanged)])
    for run_id, (epoch, last) in known.items():
        if (run := active.get(run_id)) is not None:
            news.writing[run_id] = _writing(run, epoch, last)
    news.over = {event.row.id for event in news.events if isinstance(event, RunChanged) and event.row.id not in active}
    for run_id, writing in missing.items():
        journal = await deltas.of_run(tx, run_id, writing.epoch, writing.last)
        news.frames += [_frame(delta, writing.message_id) for delta in journal]
    return news


async def _newest(tx: AsyncSession, session: Session, count: int) -> Sequence[Message]:
    branch = await branches.get(tx, session.id, session.current_branch)
    if branch is None or not count:
        return []
    page = await messages.page(tx, branch, Span(count, backward=True))
    return [row for row in page.rows if row.deleted_at is None]


def _writing(run: Run, epoch: int, last: int) -> Writing:
    return Writing(run.epoch, last if epoch == run.epoch else 0, run.message_id)


def _frame(delta: Delta, message_id: UUID) -> Frame:
    return Frame(delta.run_id, message_id, delta.epoch, delta.seq, orjson.loads(delta.events))


def _merge(news: News, kinds: Sequence[Sequence[RowEvent]]) -> None:
    """Puts the rows of several kinds in order, up to where the first full page ends."""
    full = [kind[-1].cursor.seq for kind in kinds if len(kind) == PAGE]
    if full:
        news.more, news.head = True, min(full)
    told = [event for kind in kinds for event in kind if event.cursor.seq <= news.head]
    news.events += sorted(told, key=lambda event: event.cursor.seq)
