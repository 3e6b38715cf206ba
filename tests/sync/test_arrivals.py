"""Windows that come at the same time, as after a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from chat.runtime import Life
from chat.scope import Scope
from chat.subscriptions import streams
from sync.catch_up import AT_ONCE
from sync.changes import News, Place
from sync.events import CaughtUp
from tests.conftest import viewer_of
from tests.sync.talk import begin

PATIENCE = 20


class Reads:
    """Counts what the windows of the only feed read, and holds their reads up."""

    def __init__(self, started: Life, monkeypatch: pytest.MonkeyPatch) -> None:
        (feed,) = started.process.feeds._readers
        self.begun = 0
        self.going_on = asyncio.Event()
        self.reached = asyncio.Event()
        self._read: Callable[[Place], Awaitable[News | None]] = feed.read
        monkeypatch.setattr(feed, "read", self)

    async def __call__(self, place: Place) -> News | None:
        self.begun += 1
        self.reached.set()
        await self.going_on.wait()
        return await self._read(place)


async def caught_up(scope: Scope, session_id: UUID) -> CaughtUp:
    """Opens a window, and reads until it is live."""
    async with streams.session(scope, session_id, None) as window, asyncio.timeout(PATIENCE):
        async for event in window:
            if isinstance(event, CaughtUp):
                return event
    raise AssertionError


async def test_windows_that_want_the_same_share_a_read_that_begins_after_all_of_them_came(
    alive: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = await viewer_of(alive)
    session_id = await begin(scope)
    async with streams.session(scope, session_id, None):
        reads = Reads(alive, monkeypatch)
        first = asyncio.create_task(caught_up(scope, session_id))
        await asyncio.wait_for(reads.reached.wait(), PATIENCE)
        feed = next(iter(alive.process.feeds._readers))
        turns = [await feed.arrivals.turn.acquire() for _ in range(AT_ONCE - 1)]
        late = [asyncio.create_task(feed.arrivals.read(feed, Place(None, scope.viewer.id, None))) for _ in range(10)]
        await asyncio.sleep(0)
        assert reads.begun == 1  # the others did not come before it began
        for _ in turns:
            feed.arrivals.turn.release()
        reads.going_on.set()
        found = await asyncio.wait_for(asyncio.gather(*late), PATIENCE)
        assert reads.begun == 2
        assert len({id(news) for news in found}) == 1
        assert (await first).cursor.seq == found[0].head if found[0] is not None else -1


async def test_a_window_that_leaves_while_it_waits_takes_nothing_from_the_others(
    alive: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = await viewer_of(alive)
    session_id = await begin(scope)
    async with streams.session(scope, session_id, None):
        reads = Reads(alive, monkeypatch)
        leaving = asyncio.create_task(caught_up(scope, session_id))
        await asyncio.wait_for(reads.reached.wait(), PATIENCE)
        leaving.cancel()
        staying = asyncio.create_task(caught_up(scope, session_id))
        reads.going_on.set()
        assert isinstance(await asyncio.wait_for(staying, PATIENCE), CaughtUp)
        assert leaving.cancelled()
