"""The sweeper: ends the runs that nobody is producing any more."""

import asyncio
import logging
import random
from datetime import timedelta

from chat.process import Process
from chat.runs import neighbours, runs
from chat.runs.runs import Outcome
from db import runs as run_rows
from db.failures import transient
from db.models import Run, RunStatus
from sync.retry import LONGEST_PAUSE

_log = logging.getLogger("transom.sweeper")

MOST = 100
"""Runs that one look ends for each reason."""


async def sweep(process: Process) -> None:
    """Looks again and again, until cancelled. Every process has a sweeper; an end counts once.

    It looks at once for what a process of this machine has left behind. While the database is away nobody can renew a
    lease; so when it is back, producers have the time of a lease for it.
    """
    loop = asyncio.get_running_loop()
    telling = loop.time()  # from when on an expired lease tells that the producer is lost
    expired = False  # the others may be just about to renew theirs
    while True:
        try:
            await sweep_once(process, expired=expired)
        except Exception as error:
            if transient(error):
                telling = loop.time() + process.timing.lease + LONGEST_PAUSE
            else:
                _log.exception("Sweeping failed.")
        await asyncio.sleep(process.timing.sweep * random.uniform(0.8, 1.2))
        expired = loop.time() >= telling


async def sweep_once(process: Process, *, expired: bool = True) -> int:
    """Ends runs that were asked to stop and have no producer, or one that did not within the grace time; how many.

    Also those of processes of this machine that are dead; and if `expired`, those whose lease is over.
    """
    async with process.db.system() as tx:
        found = await run_rows.abandoned(tx, timedelta(seconds=process.timing.grace), limit=MOST, expired=expired)
        lost = neighbours.dead(await run_rows.producers(tx))
        if lost:
            found = [*found, *await run_rows.of_producers(tx, lost, MOST)]
    ended = 0
    for run in found:
        try:
            if await runs.finish(process, run, outcome(run), seal=True) is not None:
                _log.info("Run %s had no producer any more and was ended.", run.id)
                ended += 1
        except Exception as error:
            if transient(error):
                raise
            _log.exception("Run %s could not be ended.", run.id)
    return ended


def outcome(run: Run) -> Outcome:
    """A run that was asked to stop is cancelled; one whose producer was lost is interrupted."""
    if run.cancel_requested_at is not None:
        return Outcome(RunStatus.CANCELLED)
    return Outcome(RunStatus.INTERRUPTED)
