"""The journal writer: one group commit after another for all runs of a process.

Whatever its runs have pending goes into one insert; when that is committed it is published, and the next turn begins
with what has come meanwhile, though not at once if the last one has only just begun. So batches grow with the load, a
token that comes alone waits for nothing, and no window ever shows one that is not on disk.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from db import deltas
from db.database import Database
from pubsub.bus import Bus
from sync import channels
from sync.channels import Line
from sync.parts import JournalEvent
from sync.retry import patiently

_log = logging.getLogger("transom.journal")

BACKLOG = 50_000
"""Events that may wait for the disk before producers are held back."""
PAUSE = 0.010
"""Seconds between the beginnings of two turns at least: what comes meanwhile shares one, and its commit."""
LARGEST = 1_000
"""Events of one run that go into one turn at most; they are one row, and one message on the bus."""


class Fenced(Exception):
    """The run is over, or another producer has it: nothing more can be written to it by this one."""


@dataclass(eq=False, slots=True)
class Pen:
    """The writing end of one run, held by the producer that owns the run in this epoch."""

    journal: "Journal"
    run_id: UUID
    session_id: UUID
    message_id: UUID
    epoch: int
    producer: str
    written: int = 0
    """The number of the last event that was handed over."""
    durable: int = 0
    """The number of the last event that is on disk."""
    closed: bool = False
    fenced: bool = False
    pending: list[JournalEvent] = field(default_factory=list)
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = Line.of(self.session_id, self.run_id, self.message_id)

    async def write(self, *events: JournalEvent) -> None:
        """Hands events over. Returns at once, unless the disk is far behind.

        Raises:
            Fenced: an earlier event was refused, or the pen is closed.
        """
        if self.closed:
            raise Fenced
        self.check()
        self.written += len(events)
        self.pending.extend(events)
        await self.journal.wait_for_room(self, len(events))

    def close(self) -> None:
        """Refuses whatever comes from now on. What was written before still gets to the disk."""
        self.closed = True

    async def flush(self) -> None:
        """Returns when everything written is on disk.

        Raises:
            Fenced: something was refused.
        """
        while self.durable < self.written:
            self.check()
            await self.journal.turn()
        self.check()

    def check(self) -> None:
        """Raises `Fenced` if the run takes no more events from this pen."""
        if self.fenced:
            raise Fenced


type _Batch = tuple[Pen, deltas.Entry]
"""What one pen puts into one turn; repeated unchanged until its outcome is known."""


class Journal:
    """The pens of a process and the task that writes for them (`run`)."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._dirty: dict[Pen, None] = {}
        self._backlog = 0
        self._wake = asyncio.Event()
        self._turn: asyncio.Future[None] | None = None

    def pen(
        self, *, run_id: UUID, session_id: UUID, message_id: UUID, epoch: int, producer: str, written: int = 0
    ) -> Pen:
        """A pen for a run that `producer` owns in `epoch`, after event number `written`."""
        return Pen(self, run_id, session_id, message_id, epoch, producer, written=written, durable=written)

    async def wait_for_room(self, pen: Pen, count: int) -> None:
        """Notes that `count` events are pending; waits while the backlog is too long."""
        self._dirty[pen] = None
        self._backlog += count
        self._wake.set()
        while self._backlog > BACKLOG:
            await self.turn()

    async def turn(self) -> None:
        """Returns when the next turn is over."""
        if self._turn is None:
            self._turn = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._turn)

    async def run(self) -> None:
        """Writes turn after turn, until cancelled; the turn under way is then finished or undone as a whole."""
        now = asyncio.get_running_loop().time
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = now()
            pens, self._dirty = self._dirty, {}
            batches = [batch for pen in pens if (batch := self._batch(pen)) is not None]
            if batches:
                self._settle(batches, refused=await self._commit(batches))
            ended, self._turn = self._turn, None
            if ended is not None:
                ended.set_result(None)
            if (rest := began + PAUSE - now()) > 0:
                await asyncio.sleep(rest)

    def _batch(self, pen: Pen) -> _Batch | None:
        """What a pen puts into this turn; None where it has nothing, or nothing that could be stored."""
        first = pen.written - len(pen.pending) + 1
        events, pen.pending = pen.pending, []
        if not events:
            return None
        if len(events) > LARGEST:
            events, pen.pending = events[:LARGEST], events[LARGEST:]
            self._dirty[pen] = None
            self._wake.set()
        try:
            encoded = orjson.dumps(events)
        except orjson.JSONEncodeError:
            _log.exception("What run %s wrote is no text.", pen.run_id)
            self._backlog -= len(events)
            self._fence(pen)
            return None
        return pen, deltas.Entry(pen.run_id, pen.epoch, first, len(events), encoded)

    def _fence(self, pen: Pen) -> None:
        """Drops what waits behind something that was refused: stored, it would leave a hole."""
        pen.fenced = True
        self._backlog -= len(pen.pending)
        pen.pending = []

    async def _commit(self, batches: list[_Batch]) -> set[UUID]:
        """Inserts the batches; returns the runs that take no more. Tries until the database answers."""
        try:
            return await patiently(lambda: self._insert(batches), "The journal")
        except Exception as error:
            return await self._commit_each(batches, error)

    async def _commit_each(self, batches: list[_Batch], error: Exception) -> set[UUID]:
        """One run's batch cannot be stored: finds it, and fences that run alone."""
        if len(batches) == 1:
            run_id = batches[0][1].run_id
            _log.error("The journal cannot store what run %s wrote.", run_id, exc_info=error)
            return {run_id}
        return {run_id for batch in batches for run_id in await self._commit([batch])}

    async def _insert(self, batches: list[_Batch]) -> set[UUID]:
        producers = sorted({pen.producer for pen, _ in batches})
        async with self._db.driver() as driver:
            return await deltas.append(driver, producers, [entry for _, entry in batches], self._db.patience)

    def _settle(self, batches: list[_Batch], refused: set[UUID]) -> None:
        for pen, entry in batches:
            self._backlog -= entry.size
            if refused and pen.run_id in refused:
                self._fence(pen)
                continue
            pen.durable = entry.seq + entry.size - 1
            channels.send(self._bus, pen.line, pen.epoch, entry.seq, entry.events)
