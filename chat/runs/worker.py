"""The worker of a process: claims queued runs and produces them, keeps their leases, and stops them when asked."""

import asyncio
import logging
from contextlib import ExitStack, suppress
from functools import partial
from uuid import UUID

from chat.process import Process
from chat.runs import generation, runs
from db import runs as run_rows
from db.failures import transient
from db.models import Run, RunStatus
from sync import channels
from sync.retry import patiently

_log = logging.getLogger("transom.worker")

SHY = 0.1
"""Seconds that a process leaves to the one that queued a run, before it tries to claim it."""

PATIENCE = 5.0
"""Seconds that the end of a process waits for its runs to be stored."""


class Worker:
    """Listens for queued runs and for requests to stop."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._replies: set[asyncio.Task[None]] = set()
        self._draining = False
        self._claiming = asyncio.Lock()
        self._unsure_until = 0.0
        """Until when (`time` of the loop) it may turn out that a claim which has failed is stored all the same."""
        self._wake = asyncio.Event()
        self._wake.set()

    async def run(self) -> None:
        """Claims whatever is waiting: at start, when a doorbell rings, and with every heartbeat; until cancelled."""
        bus = self._process.bus
        with ExitStack() as listening:
            listening.callback((await bus.listen(channels.QUEUED, _Queued(self))).close)
            listening.callback((await bus.listen(channels.STOPS, _Stops(self._process))).close)
            while True:
                await self._claim_all()
                await self._next_ring()

    def wake(self) -> None:
        """Has the worker look for queued runs at once."""
        self._wake.set()

    def wake_soon(self) -> None:
        """Has the worker look a little later, so that the process that queued the run comes first."""
        asyncio.get_running_loop().call_later(SHY, self._wake.set)

    async def _next_ring(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._process.timing.heartbeat)
        self._wake.clear()

    async def _claim_all(self) -> None:
        process = self._process
        try:
            await self._take_up()
            while not self._draining and len(process.stops) < process.capacity:
                if await self._claim():
                    await asyncio.sleep(0)
                elif await runs.waiting(process):
                    await asyncio.sleep(0.05)  # its session is locked for this moment
                else:
                    return
        except Exception as error:
            if transient(error):
                _log.warning("Queued runs wait for the database: %s", error)
            else:
                _log.exception("Claiming a run failed.")
            await asyncio.sleep(1.0)
            self.wake()

    async def _claim(self) -> bool:
        async with self._claiming:
            if self._draining:
                return False
            try:
                run = await runs.claim(self._process)
            except BaseException:
                self._unsure_until = asyncio.get_running_loop().time() + self._process.timing.lease
                raise
            if run is not None:
                self._start(run)
            return run is not None

    async def _take_up(self) -> None:
        """Takes up what claims have got although they failed: they were stored, and the answer was lost."""
        while True:
            async with self._claiming:
                if self._draining or (run := await self._unheard()) is None:
                    return
                self._start(run)

    async def _unheard(self) -> Run | None:
        if asyncio.get_running_loop().time() >= self._unsure_until:
            return None
        return await runs.unheard(self._process)

    def _start(self, run: Run) -> None:
        process = self._process
        process.stops[run.id] = asyncio.get_running_loop().create_future()
        task = process.jobs.start(generation.produce(process, run), f"run {run.id}")
        self._replies.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, reply: asyncio.Task[None]) -> None:
        self._replies.discard(reply)
        self.wake()

    async def keep_leases(self) -> None:
        """Renews the leases of all runs of this process; stops those that are its own no more. Until cancelled."""
        process = self._process
        while True:
            await asyncio.sleep(process.timing.lease / 3)
            mine = set(process.stops)
            if not mine:
                continue
            try:
                kept = await patiently(partial(self._renew, mine), "A lease")
            except Exception:
                _log.exception("Renewing leases failed.")
                continue
            for run_id in mine - kept:
                _stop(process.stops.get(run_id), generation.INTERRUPTED)

    async def _renew(self, run_ids: set[UUID]) -> set[UUID]:
        process = self._process
        async with asyncio.timeout(process.timing.lease / 3), process.db.system() as tx:
            return await run_rows.renew(tx, process.id, run_ids, process.timing.lease_delta)

    async def drain(self) -> None:
        """Claims no more, ends every run of this process as interrupted, and returns when they have ended.

        Where the database is away it gives up after `PATIENCE`; the sweeper of another process ends them then.
        """
        self._draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._claiming:  # a claim that was under way has become a run by now
                await self._give_up()
        for stop in self._process.stops.values():
            _stop(stop, generation.INTERRUPTED)
        if self._replies:
            await asyncio.wait(self._replies, timeout=PATIENCE)

    async def _give_up(self) -> None:
        """Ends what was claimed without an answer."""
        try:
            while (run := await self._unheard()) is not None:
                await runs.finish(self._process, run, runs.Outcome(RunStatus.INTERRUPTED))
        except Exception as error:
            if transient(error):
                _log.warning("Runs that were claimed without an answer wait for the sweeper: %s", error)
            else:
                _log.exception("Runs that were claimed without an answer could not be ended.")


class _Queued:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def on_message(self, payload: bytes) -> None:
        """A process has queued a run."""
        if payload.decode() == self._worker._process.id:
            self._worker.wake()
        else:
            self._worker.wake_soon()

    def on_loss(self) -> None:
        """A process may have queued a run."""
        self._worker.wake_soon()


class _Stops:
    def __init__(self, process: Process) -> None:
        self._process = process

    def on_message(self, payload: bytes) -> None:
        """Someone asks runs to stop."""
        for run_id in channels.stopped(payload):
            _stop(self._process.stops.get(run_id), generation.CANCELLED)

    def on_loss(self) -> None:
        """The sweeper notices requests that were lost."""


def _stop(stop: "asyncio.Future[str] | None", how: str) -> None:
    if stop is not None and not stop.done():
        stop.set_result(how)
