"""What one process follows of one scope, read once for all its windows."""

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar
from uuid import UUID

from db.database import Database
from db.failures import transient
from pubsub.bus import Bus, Listening
from sync import channels
from sync.catch_up import Arrivals
from sync.changes import News, Place, Seen
from sync.channels import Frame, Signal
from sync.cursors import Cursor, ScopeKind
from sync.events import CountsChanged, PresenceChanged, ResetReason
from sync.subscriber import Window

_log = logging.getLogger("transom.sync")


class Gone(Exception):
    """The scope does not exist."""


class Feed(ABC):
    """Listens to a scope's doorbell, reads what changed, and tells every window.

    It is one reader: a doorbell that rings while it reads makes it read once more, however often it rang.
    """

    kind: ClassVar[ScopeKind]

    def __init__(self, db: Database, bus: Bus, scope_id: UUID, arrivals: Arrivals) -> None:
        self.id = scope_id
        self.arrivals = arrivals
        self.windows: set[Window[Any]] = set()
        self.position = 0
        self.epoch = 0
        self._db = db
        self._bus = bus
        self._listening: Listening | None = None
        self._wake = asyncio.Event()

    async def open(self) -> None:
        """Listens, then learns where the scope stands.

        Raises:
            Gone: it does not exist.
        """
        self._listening = await self._bus.listen(channels.channel(self.kind, self.id), self)
        try:
            start = await self._start()
            if start is None:
                raise Gone
        except BaseException:
            self.close()
            raise
        self.epoch = start.epoch
        self.position = start.head
        self._began(start)

    def close(self) -> None:
        """Stops listening."""
        if self._listening is not None:
            self._listening.close()

    def cursor(self, epoch: int, seq: int) -> Cursor:
        """A cursor of this scope."""
        return Cursor(self.kind, self.id, epoch, seq)

    def join(
        self,
        user_id: UUID,
        after: Cursor | None,
        client: str | None = None,
        *,
        leaf_id: UUID | None = None,
        signals: bool = False,
        every: float = 0.0,
    ) -> Window[Any]:
        """A window of `user_id` after a cursor, or from now.

        `leaf_id`: the end of the path that it shows. `signals`: it wants what is not in the rows, as
        `signal` gives it. `every`: the seconds between two tellings of tokens.
        """
        window: Window[Any] = Window(self, user_id, after, client, leaf_id=leaf_id, signals=signals, every=every)
        self.windows.add(window)
        self._joined(window)
        return window

    def signal(self) -> PresenceChanged | CountsChanged | None:
        """What a window that wants it is told when it has caught up: who is there, or what an account's badges say."""
        return None

    def met(self, user_id: UUID, seen: Seen) -> None:  # noqa: B027  (only sessions have branches)
        """A window has read what its user sees."""

    def leave(self, window: Window[Any]) -> None:
        """Forgets a window."""
        self.windows.discard(window)
        self._left(window)

    def end(self, reason: ResetReason) -> None:
        """Ends every window with a reset."""
        for window in list(self.windows):
            window.end(reason)

    def poke(self) -> None:
        """Has the rows read once more, soon."""
        self._wake.set()

    def on_loss(self) -> None:
        """The bus may have lost something: look at the rows."""
        self.poke()

    def on_message(self, payload: bytes) -> None:
        """A doorbell, or tokens."""
        told = channels.read(payload)
        if isinstance(told, Frame):
            self._take(told)
        elif isinstance(told, Signal):
            self._hear(told)
        elif told > self.position:
            self.poke()

    async def run(self) -> None:
        """Reads whenever the scope's bell has rung, until cancelled. While the database is away it tries again."""
        pause = 0.05
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._read_on()
                pause = 0.05
            except Exception as error:
                if not transient(error):
                    _log.exception("Reading a scope failed.")
                elif pause == 0.05:
                    _log.warning("A scope waits for the database: %s", error)
                self._wake.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _read_on(self) -> None:
        while True:
            found = await self._next()
            if found is None:
                self.end(ResetReason.ACCESS_CHANGED)
                return
            if found.epoch != self.epoch or found.end < self.position:
                self.epoch = found.epoch
                self.position = found.head
                self.end(ResetReason.EPOCH)
                self._told(found)
                return
            self.position = max(self.position, found.head)
            if found.events or found.seen:
                self._flush()
                for window in self.windows:
                    window.push(found)
            self._told(found)
            if not found.more:
                return

    @abstractmethod
    async def read(self, place: Place) -> News | None:
        """What a window reads that stands there. None: the scope is gone."""

    @abstractmethod
    async def _start(self) -> News | None:
        """Where the scope stands."""

    @abstractmethod
    async def _next(self) -> News | None:
        """What the feed itself reads next."""

    def _began(self, start: News) -> None:  # noqa: B027  (only sessions have tokens)
        """The feed stands at `start` now."""

    def _told(self, found: News) -> None:  # noqa: B027
        """The windows have got the rows of `found`."""

    def _joined(self, window: Window[Any]) -> None:  # noqa: B027
        """A window has come."""

    def _left(self, window: Window[Any]) -> None:  # noqa: B027
        """A window has gone."""

    def _flush(self) -> None:  # noqa: B027
        """Tells whatever waits to be told."""

    def beat(self) -> None:  # noqa: B027
        """A heartbeat has passed."""

    def _hear(self, signal: Signal) -> None:  # noqa: B027
        """A signal came."""

    def _take(self, frame: Frame) -> None:  # noqa: B027
        """Tokens came."""
