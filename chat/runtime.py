"""The life of a process: its background work, from start to a clean end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chat.policy import Allowances
from chat.process import MOST, Process, Timing
from chat.removal.retention import tidy
from chat.runs import neighbours
from chat.runs.sweeper import sweep
from chat.runs.worker import Worker
from chat.windows import Windows
from db.database import Database
from llm.models import Models
from pubsub.bus import Bus
from sync.feeds import Feeds
from sync.journal import Journal
from sync.tasks import Jobs


@dataclass(frozen=True, slots=True)
class Life:
    """A process at work."""

    process: Process
    worker: Worker

    async def drain(self) -> None:
        """Takes no more runs, and interrupts its own at once, with everything that they have written.

        Windows, and other processes, hear of it. Doing it again does nothing.
        """
        await self.worker.drain()


@asynccontextmanager
async def running(
    db: Database,
    bus: Bus,
    models: Models,
    *,
    timing: Timing | None = None,
    allowances: Allowances | None = None,
    produces: bool = True,
    capacity: int | None = None,
) -> AsyncIterator[Life]:
    """A process at work. With `produces=False` it serves windows and leaves the runs to other processes.

    `capacity` is how many runs it produces at once; by default 1,000. The others stay queued.
    At the end it drains before the bus and the database may be closed.
    """
    with neighbours.sign() as name:
        async with Jobs() as jobs:
            process = Process(
                db,
                bus,
                models,
                jobs,
                Journal(db, bus),
                Feeds(db, bus, jobs),
                Windows(db, models),
                timing or Timing(),
                allowances=allowances or Allowances(),
                capacity=capacity or MOST,
                id=name,
            )
            worker = Worker(process)
            jobs.start(process.journal.run(), "journal")
            jobs.start(process.feeds.heartbeat(process.timing.heartbeat), "heartbeat")
            jobs.start(sweep(process), "sweeper")
            jobs.start(tidy(process), "tidying")
            if produces:
                jobs.start(worker.run(), "worker")
                jobs.start(worker.keep_leases(), "leases")
            life = Life(process, worker)
            try:
                yield life
            finally:
                await life.drain()
