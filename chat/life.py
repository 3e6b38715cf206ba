"""The life of a process: its background work, from start to a clean end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat.jobs import Jobs
from chat.journal import Journal
from chat.process import Process, Timing
from chat.sweeper import sweep
from chat.sync.feeds import Feeds
from chat.worker import Worker
from db.database import Database
from llm.models import Models
from pubsub.bus import Bus


@asynccontextmanager
async def running(
    db: Database, bus: Bus, models: Models, *, timing: Timing | None = None, produces: bool = True
) -> AsyncIterator[Process]:
    """A process at work. With `produces=False` it serves windows and leaves the runs to other processes.

    At the end its own runs are interrupted at once, with everything that they have written; other processes, and
    windows, hear of it before the bus is closed.
    """
    async with Jobs() as jobs:
        process = Process(db, bus, models, jobs, Journal(db, bus), Feeds(db, bus, jobs), timing or Timing())
        worker = Worker(process)
        jobs.start(process.journal.run(), "journal")
        jobs.start(process.feeds.heartbeat(process.timing.heartbeat), "heartbeat")
        jobs.start(sweep(process), "sweeper")
        if produces:
            claiming = jobs.start(worker.run(), "worker")
            jobs.start(worker.keep_leases(), "leases")
        try:
            yield process
        finally:
            if produces:
                claiming.cancel()
                await asyncio.wait({claiming})
                await worker.interrupt_all()
