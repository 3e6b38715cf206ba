"""The feed of a session: rows and tokens."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from db.changes import Told
from db.database import Database
from pubsub.bus import Bus
from sync import changes, channels
from sync.catch_up import Arrivals
from sync.changes import News, Place, Seen, Writing
from sync.channels import Frame, Signal
from sync.cursors import ScopeKind
from sync.events import Event, MessageChanged, PartChanged, PresenceChanged, RunProgress, TextDelta
from sync.feed import Feed
from sync.presence import Presence
from sync.subscriber import Tokens, Window
from sync.throttle import Pace

HELD = 5_000
"""Frames that wait for a read of the rows at most; the others are read from the journal."""


class SessionFeed(Feed):
    """One open session: its rows, and the tokens of the runs that are being written.

    The numbers of a run's events are followed here, so that each window gets each exactly once. An event that comes
    too early means that one was lost: what is missing is then read from the journal.
    """

    kind = ScopeKind.SESSION

    def __init__(self, db: Database, bus: Bus, scope_id: UUID, arrivals: Arrivals) -> None:
        super().__init__(db, bus, scope_id, arrivals)
        self.writing: dict[UUID, Writing] = {}
        self.seen: dict[UUID, Seen] = {}
        """What the windows of each user were told last of the path that they see."""
        self._users: Counter[UUID] = Counter()
        self._missing: set[UUID] = set()
        self._held: list[Frame] | None = None
        self._paces: dict[float, Pace] = {}
        channel = channels.channel(self.kind, scope_id)
        self._presence = Presence(lambda signal: bus.publish(channel, signal), self._tell_presence)

    async def read(self, place: Place) -> News | None:
        """See `Feed.read`; with every message in flight."""
        return await changes.of_session(self._db.readers, self.id, place)

    async def _start(self) -> News | None:
        return await changes.newest(self._db.readers, self.id, None, 0)

    async def _next(self) -> News | None:
        missing = {run_id: self.writing[run_id] for run_id in self._missing if run_id in self.writing}
        self._missing.clear()
        self._held = []
        found = None
        try:
            found = await changes.missed(self._db.readers, self.id, self.position, missing, self._paths())
            return found
        finally:
            if found is None:
                self._missing.update(missing)
                self._release()

    def _paths(self) -> Mapping[UUID, Told | None]:
        """What each user was told."""
        return {user_id: seen.path if (seen := self.seen.get(user_id)) else None for user_id in self._users}

    def met(self, user_id: UUID, seen: Seen) -> None:
        """See `Feed.met`."""
        self.seen.setdefault(user_id, seen)

    def _joined(self, window: Window[Any]) -> None:
        self._users[window.user_id] += 1
        self._paces.setdefault(window.every, Pace(window.every)).windows.add(window)
        if window.signals:
            self._presence.enter(window)

    def _left(self, window: Window[Any]) -> None:
        pace = self._paces.get(window.every)
        if pace is not None:
            pace.windows.discard(window)
            if not pace.windows:
                self._paces.pop(window.every).close()
        self._presence.leave(window.id)
        self._users[window.user_id] -= 1
        if self._users[window.user_id] <= 0:
            del self._users[window.user_id]
            self.seen.pop(window.user_id, None)

    def close(self) -> None:
        """See `Feed.close`."""
        super().close()
        self._presence.close()
        for pace in self._paces.values():
            pace.close()

    def beat(self) -> None:
        """See `Feed.beat`."""
        self._presence.refresh()

    def signal(self) -> PresenceChanged:
        """See `Feed.signal`."""
        return self._presence.now()

    def _hear(self, signal: Signal) -> None:
        if signal.kind == channels.CHOSEN:
            if signal.user_id in self._users:
                self.poke()
        elif signal.kind == channels.PROGRESS:
            self._tell_progress(signal)
        else:
            self._presence.take(signal)

    def _tell_progress(self, signal: Signal) -> None:
        """Tells how far a model has read, unless its run has ended or has begun to write."""
        writing = None if signal.run_id is None else self.writing.get(signal.run_id)
        if signal.run_id is not None and writing is not None and writing.last == 0:
            event = RunProgress(signal.run_id, signal.read, signal.total, signal.compacting)
            for window in self.windows:
                window.hint(event)

    def _tell_presence(self, event: PresenceChanged) -> None:
        for window in self.windows:
            window.tell(event)

    def _began(self, start: News) -> None:
        self.writing = start.writing

    def _told(self, found: News) -> None:
        self.seen.update((user_id, seen) for user_id, seen in found.seen.items() if user_id in self._users)
        # What is of a path was told to some windows only: the others need the tokens up to there.
        of_paths = {event.row.run_id for event in found.path if isinstance(event, MessageChanged)}
        for run_id, writing in found.writing.items():
            known = self.writing.get(run_id)
            if run_id not in of_paths or known is None or known.epoch < writing.epoch:
                self.writing[run_id] = replace(writing)  # windows may still look at the one that was found
        for run_id in found.over:
            self.writing.pop(run_id, None)
        self._release(found.frames)

    def _release(self, first: Sequence[Frame] = ()) -> None:
        """Takes some frames, and then those that waited for the rows."""
        held, self._held = self._held or [], None
        for frame in (*first, *held):
            self._take(frame)

    def miss(self, run_id: UUID) -> None:
        """Has what a run journaled after its last known event read, soon."""
        self._missing.add(run_id)
        self.poke()

    def on_loss(self) -> None:
        """The bus may have lost something: look at the rows and the journals."""
        self._missing.update(self.writing)
        self.poke()

    def _take(self, frame: Frame) -> None:
        if self._held is not None:
            if len(self._held) < HELD:
                self._held.append(frame)
            else:
                self.miss(frame.run_id)
            return
        writing = self.writing.get(frame.run_id)
        if writing is None or frame.epoch > writing.epoch:
            self.poke()
        elif frame.epoch == writing.epoch and (last := frame.last) > writing.last:
            if frame.seq > writing.last + 1:
                self.miss(frame.run_id)
                return
            writing.last = last
            tokens = Tokens(frame, _events(frame))
            for pace in self._paces.values():
                pace.take(tokens)

    def _flush(self) -> None:
        for pace in self._paces.values():
            pace.flush()


def _events(frame: Frame) -> list[Event]:
    run_id, message_id = frame.run_id, frame.message_id
    return [
        TextDelta(run_id, message_id, *rest) if kind == "a" else PartChanged(run_id, message_id, *rest)
        for kind, *rest in frame.events
    ]
