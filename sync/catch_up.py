"""Windows that come: a few are let in at a time, and those that want the same share one read."""

import asyncio
from typing import TYPE_CHECKING

from sync.changes import News, Place
from sync.tasks import Jobs

if TYPE_CHECKING:
    from sync.feed import Feed

AT_ONCE = 4
"""Arrivals that a process works on at a time. After a restart all windows come at once; the journal must not wait
behind them for a connection, nor the windows that are live for the processor."""


class Arrivals:
    """What windows read when they come, for all feeds of a process."""

    def __init__(self, jobs: Jobs) -> None:
        self.turn = asyncio.Semaphore(AT_ONCE)
        """Held by whatever work an arrival makes, besides its reading."""
        self.jobs = jobs
        self._asked: dict[tuple[Feed, Place], asyncio.Future[News | None]] = {}

    async def read(self, feed: "Feed", place: Place) -> News | None:
        """What `feed.read` gives; it begins after this was called, so that it misses nothing that is not held."""
        key = (feed, place)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.get_running_loop().create_future()
            asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # all may have left meanwhile
            self.jobs.start(self._read(key, asked), f"arrivals at {feed.id}")
        return await asyncio.shield(asked)

    async def _read(self, key: "tuple[Feed, Place]", asked: "asyncio.Future[News | None]") -> None:
        feed, place = key
        try:
            async with self.turn:
                del self._asked[key]
                asked.set_result(await feed.read(place))
        except Exception as error:
            asked.set_exception(error)
        except BaseException:
            self._asked.pop(key, None)
            asked.cancel()
            raise
