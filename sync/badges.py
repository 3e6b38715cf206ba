"""What the badges of an account say: counted for all its windows that want it, not more often than anybody looks."""

import asyncio
from collections.abc import Awaitable, Callable

from sync.events import CountsChanged
from sync.retry import patiently
from sync.tasks import Jobs

PACE = 1.0
"""Seconds between two counts at least."""
AGE = 3_600.0
"""Seconds after which they are counted anew though nothing has changed: the trash forgets what has been in it long."""


class Badges:
    """The counts of one account, as long as somebody wants them.

    Whatever is due is counted after it was said to be, so what is told last is what a query finds.
    """

    def __init__(
        self,
        jobs: Jobs,
        name: str,
        count: Callable[[], Awaitable[CountsChanged]],
        tell: Callable[[CountsChanged], None],
    ) -> None:
        self.last: CountsChanged | None = None
        self._jobs = jobs
        self._name = name
        self._count = count
        self._tell = tell
        self._due = False
        self._counting: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._counted_at = 0.0

    def count(self) -> None:
        """Something has changed."""
        self._due = True
        if self._counting is None and self._pause is None:
            self._next()

    def age(self) -> None:
        """Time has passed."""
        if self.last is not None and asyncio.get_running_loop().time() - self._counted_at > AGE:
            self.count()

    def close(self) -> None:
        """Nobody wants them any more."""
        self.last = None
        self._due = False
        if self._counting is not None:
            self._counting.cancel()

    def _next(self) -> None:
        self._pause = None
        if self._due:
            self._due = False
            self._counting = self._jobs.start(self._run(), self._name)

    async def _run(self) -> None:
        try:
            counts = await patiently(self._count, "A sidebar")
        finally:
            clock = asyncio.get_running_loop()
            self._counting, self._counted_at = None, clock.time()
            self._pause = clock.call_later(PACE, self._next)
        if counts != self.last:
            self.last = counts
            self._tell(counts)
