"""The feeds of a process."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import batched
from typing import Any
from uuid import UUID

from db import deltas, heads, memberships
from db.database import Database
from db.failures import transient
from pubsub.bus import Bus
from sync.account_feed import AccountFeed
from sync.catch_up import Arrivals
from sync.cursors import Cursor, ScopeKind
from sync.events import ResetReason
from sync.feed import Feed
from sync.session_feed import SessionFeed
from sync.subscriber import Window
from sync.tasks import Jobs

_log = logging.getLogger("transom.sync")

AT_ONCE = 200
"""Feeds that the heartbeat compares in one turn: nothing else happens in a process while it does."""

_KINDS: dict[ScopeKind, type[Feed]] = {ScopeKind.ACCOUNT: AccountFeed, ScopeKind.SESSION: SessionFeed}


class Feeds:
    """Opens a feed for the first window of a scope and closes it behind the last."""

    def __init__(self, db: Database, bus: Bus, jobs: Jobs) -> None:
        self._db = db
        self._bus = bus
        self._jobs = jobs
        self.arrivals = Arrivals(jobs)
        self._open: dict[tuple[ScopeKind, UUID], asyncio.Task[Feed]] = {}
        self._waiting: dict[tuple[ScopeKind, UUID], int] = {}
        self._readers: dict[Feed, asyncio.Task[None]] = {}

    async def join(
        self,
        kind: ScopeKind,
        scope_id: UUID,
        user_id: UUID,
        after: Cursor | None,
        client: str | None = None,
        *,
        leaf_id: UUID | None = None,
        signals: bool = False,
        every: float = 0.0,
    ) -> Window[Any]:
        """A window on a scope that `user_id` may see (the caller has made sure); `leave` it in the end.

        Raises:
            Gone: the scope does not exist.
        """
        key = (kind, scope_id)
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            if key not in self._open:
                self._open[key] = asyncio.create_task(self._opened(kind, scope_id))
            feed = await asyncio.shield(self._open[key])
            return feed.join(user_id, after, client, leaf_id=leaf_id, signals=signals, every=every)
        finally:
            self._waiting[key] -= 1
            self._tidy(key)

    async def _opened(self, kind: ScopeKind, scope_id: UUID) -> Feed:
        feed = _KINDS[kind](self._db, self._bus, scope_id, self.arrivals)
        async with self.arrivals.turn:
            await feed.open()
        self._readers[feed] = self._jobs.start(feed.run(), f"feed {kind.name} {scope_id}")
        return feed

    def leave(self, window: Window[Any]) -> None:
        """Ends a window; the feed goes with its last one."""
        window.close()
        self._tidy((window.feed.kind, window.feed.id))

    def _tidy(self, key: tuple[ScopeKind, UUID]) -> None:
        if self._waiting.get(key):
            return
        self._waiting.pop(key, None)
        opening = self._open.get(key)
        if opening is None:
            return
        if not opening.done():
            opening.add_done_callback(lambda _: self._tidy(key))
        elif opening.cancelled() or opening.exception() is not None:
            del self._open[key]
        elif not (feed := opening.result()).windows:
            del self._open[key]
            feed.close()
            self._readers.pop(feed).cancel()

    async def heartbeat(self, interval: float) -> None:
        """Compares, every `interval` seconds, where all feeds stand with the database; until cancelled.

        So a doorbell that was lost without a trace is noticed, and so is access that was lost.
        """
        while True:
            await asyncio.sleep(interval)
            for feed in self._readers:
                feed.beat()
            try:
                for some in batched(list(self._readers), AT_ONCE):
                    await self._compare(some)
            except Exception as error:
                if not transient(error):
                    _log.exception("The heartbeat failed.")

    async def _compare(self, feeds: Sequence[Feed]) -> None:
        accounts = [feed.id for feed in feeds if isinstance(feed, AccountFeed)]
        conversations = [feed for feed in feeds if isinstance(feed, SessionFeed)]
        pairs = {(feed.id, window.user_id) for feed in conversations for window in feed.windows}
        flying = {run_id: feed for feed in conversations for run_id in feed.writing}
        if not feeds:
            return
        async with self._db.system() as tx:
            stand = await heads.of_scopes(tx, accounts, [feed.id for feed in conversations])
            last = await deltas.last(tx, list(flying)) if flying else {}
            members = await memberships.held(tx, list(pairs)) if pairs else {}
        for feed in feeds:
            if stand.get(feed.id) != (feed.epoch, feed.position):
                feed.poke()
        for run_id, (epoch, number) in last.items():
            writing = flying[run_id].writing.get(run_id)
            if writing is not None and (epoch, number) > (writing.epoch, writing.last):
                flying[run_id].miss(run_id)
        lost = pairs - members.keys()
        for feed in conversations:
            if any(seen.branch != members.get((feed.id, user_id)) for user_id, seen in feed.seen.items()):
                feed.poke()
            for window in [window for window in feed.windows if (feed.id, window.user_id) in lost]:
                window.end(ResetReason.ACCESS_CHANGED)
