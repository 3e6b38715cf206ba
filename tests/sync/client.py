"""A client that knows of a session only what a window tells it, and is strict about it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chat.conversation import branches, messages, placement, sessions
from chat.scope import Scope
from chat.subscriptions import streams
from db.changes import BEGINNING
from db.models import Message, MessageStatus, RunStatus
from db.page import Span
from sync import parts
from sync.cursors import Cursor
from sync.events import (
    BranchChanged,
    CaughtUp,
    MessageChanged,
    PartChanged,
    Reset,
    ResetReason,
    RunChanged,
    SessionEvent,
    SiblingsChanged,
    TextDelta,
)

PATIENCE = 20.0
"""Seconds after which something that should happen has failed to."""


@dataclass
class Shown:
    """A message on the client's screen."""

    status: MessageStatus
    parts: list[dict[str, Any]]
    compaction: Any = None

    @classmethod
    def of(cls, row: Message) -> "Shown":
        """The message as the server tells it whole."""
        return cls(row.status, [dict(part) for part in row.parts], row.compaction)

    @property
    def text(self) -> str:
        """The plain text."""
        return parts.content(self.parts)


@dataclass
class Client:
    """Applies events. A delta that does not begin exactly where the text ends, or comes twice, fails the test."""

    shown: dict[UUID, Shown] = field(default_factory=dict)
    runs: dict[UUID, RunStatus] = field(default_factory=dict)
    parents: dict[UUID, UUID | None] = field(default_factory=dict)
    siblings: dict[UUID | None, list[UUID]] = field(default_factory=dict)
    branch: tuple[UUID | None, bool] | None = None
    """The end of the path that is shown, and whether it was chosen."""
    whole: bool = True
    """Whether it began with the newest messages, or has shown the end of a path ever since."""
    cursor: str | None = None
    reset: ResetReason | None = None
    told: list[SessionEvent] = field(default_factory=list)
    """Everything, in order."""
    caught_up: int = 0
    _numbers: dict[UUID, int] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: BaseException | None = None

    def take(self, event: SessionEvent) -> None:
        """Applies one event."""
        assert self.reset is None, "Nothing follows a reset."
        self.told.append(event)
        if isinstance(event, MessageChanged | RunChanged | CaughtUp):
            self._advance(event.cursor)
        match event:
            case MessageChanged(_, row):
                if row.deleted_at is not None:
                    self.shown.pop(row.id, None)
                    left = {parent: [id for id in ids if id != row.id] for parent, ids in self.siblings.items()}
                    self.siblings = {parent: ids for parent, ids in left.items() if ids}
                else:
                    self.shown[row.id] = Shown.of(row)
                    self.parents[row.id] = row.parent_id
            case SiblingsChanged(_, parent_id, ids):
                self.siblings[parent_id] = [*ids]
            case BranchChanged(leaf_id, chosen):
                self.branch = (leaf_id, chosen)
                assert not self.whole or self._holds_enough(), "A path was told without the end of it."
            case RunChanged(cursor, run):
                assert cursor.seq > self._numbers.get(run.id, 0), "A run was told twice."
                self._numbers[run.id] = cursor.seq
                self.runs[run.id] = run.status
            case PartChanged(_, message_id, index, part):
                known = self.shown[message_id].parts
                assert index <= len(known), "A part was opened too early."
                assert index == len(known) or known[index]["kind"] != part["kind"], "A part was opened twice."
                known[index : index + 1] = [dict(part)]
            case TextDelta(_, message_id, index, offset, text):
                part = self.shown[message_id].parts[index]
                assert offset == parts.length(part["text"]), "Text is missing, or came twice."
                part["text"] += text
            case CaughtUp():
                self.caught_up += 1
            case Reset(reason):
                self.reset = reason

    @property
    def path(self) -> list[UUID]:
        """The messages that are shown, from the first that is known."""
        found: list[UUID] = []
        streams = self.branch[0] if self.branch else None
        while streams in self.shown:
            found.append(streams)
            streams = self.parents[streams]
        return found[::-1]

    def beside(self, message_id: UUID) -> list[UUID]:
        """What follows the same message as this one, which the client knows."""
        return self.siblings.get(self.parents[message_id], [message_id])

    def _holds_enough(self) -> bool:
        path = self.path
        if not path:
            return self.branch is not None and self.branch[0] is None
        return len(path) >= BEGINNING or self.parents[path[0]] is None

    def _advance(self, cursor: Cursor) -> None:
        assert self.cursor is None or cursor.seq >= Cursor.parse(self.cursor).seq, "A cursor went back."
        self.cursor = str(cursor)

    def note(self, event: SessionEvent) -> None:
        """Applies one event of a window, and tells who waits."""
        try:
            self.take(event)
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._news.set()

    async def until(self, holds: Callable[["Client"], object]) -> None:
        """Returns when `holds`; fails with what went wrong, or after `PATIENCE`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if self._failure is not None:
                    raise AssertionError("The client could not apply an event.") from self._failure
                if holds(self):
                    return
                self._news.clear()
                await self._news.wait()

    async def reads(self, message_id: UUID, text: str) -> None:
        """Returns when the message has exactly this text."""
        await self.until(lambda client: message_id in client.shown and client.shown[message_id].text == text)

    async def run_is(self, run_id: UUID, status: RunStatus) -> None:
        """Returns when the client has heard that the run has this status."""
        await self.until(lambda client: client.runs.get(run_id) is status)

    async def hears(self, count: int) -> None:
        """Returns when the client has been told so many more events, or that a run is complete."""
        enough = len(self.told) + count
        await self.until(lambda client: len(client.told) >= enough or RunStatus.COMPLETED in client.runs.values())

    async def complete(self, message_id: UUID) -> None:
        """Returns when the message is whole."""
        await self.until(lambda client: client.shown[message_id].status is MessageStatus.COMPLETE)

    async def over(self, *run_ids: UUID) -> None:
        """Returns when these runs have ended, for this client."""
        await self.until(lambda client: all(client.runs.get(run_id) in FINAL for run_id in run_ids))

    @property
    def text(self) -> str:
        """The text of the newest reply."""
        return list(self.shown.values())[-1].text


FINAL = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED)


@asynccontextmanager
async def watching(
    scope: Scope,
    session_id: UUID,
    after: str | None = None,
    *,
    client: Client | None = None,
    live: bool = True,
    every: int = 0,
) -> AsyncIterator[Client]:
    """A window whose events a client applies. With `live`, it has caught up (or been reset) when the block begins.

    Giving a `client` continues it, as a client does that has lost its connection.
    """
    client = client or Client()
    client.whole = client.whole and (after is None or client.branch is not None)
    before = client.caught_up
    leaf_id = client.branch[0] if client.branch and client.whole else None
    async with streams.session(scope, session_id, after, leaf_id=leaf_id, every=every) as told:

        async def follow() -> None:
            async for event in told:
                client.note(event)

        task = asyncio.create_task(follow())
        try:
            if live:
                await client.until(lambda client: client.caught_up > before or client.reset)
            yield client
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def fetched(scope: Scope, session_id: UUID) -> dict[UUID, Shown]:
    """What a client sees that fetches everything anew."""
    page, _ = await messages.page(scope, session_id, Span(10_000))
    return {row.id: Shown.of(row) for row in page.rows if row.deleted_at is None}


async def agree(scope: Scope, session_id: UUID, *clients: Client) -> None:
    """Asserts that the state of each client equals a fresh fetch."""
    truth = await fetched(scope, session_id)
    (seen,) = await sessions.of_ids(scope, [session_id])
    assert seen is not None
    (leaf_id,) = await branches.leaves(scope, [(session_id, placement.shown(seen, seen))])
    for client in clients:
        assert client.shown == truth
        assert client.branch == (leaf_id, seen.branch is not None)
