"""Stopping runs before what they write is taken away, or comes back: those that are over stay as they are."""

from collections.abc import Awaitable, Callable, Sequence

from chat.process import Process
from chat.runs import runs
from chat.runs.runs import Outcome
from db.models import Run, RunStatus
from sync import channels


class Active(Exception):
    """A change was begun and undone, because these runs have to be over first."""

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__("These runs have to be stopped first.")
        self.runs = runs


async def first[Done](process: Process, change: Callable[[], Awaitable[Done]]) -> Done:
    """What a change returns. Where it raises `Active`, the runs are ended as cancelled, and it is tried again.

    Nobody waits for the producers: what they have written stays, and what they write later is refused.
    """
    while True:
        try:
            return await change()
        except Active as found:
            channels.stop(process.bus, [run.id for run in found.runs])
            for run in found.runs:
                await runs.finish(process, run, Outcome(RunStatus.CANCELLED), seal=True)
