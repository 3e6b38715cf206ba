"""The feed of an account."""

from typing import Any
from uuid import UUID

from db import tallies, tombstones
from db.database import Database
from pubsub.bus import Bus
from sync import changes
from sync.badges import Badges
from sync.catch_up import Arrivals
from sync.changes import News, Place
from sync.cursors import ScopeKind
from sync.events import CountsChanged
from sync.feed import Feed
from sync.subscriber import Window


class AccountFeed(Feed):
    """One account: what sidebars and dashboards show."""

    kind = ScopeKind.ACCOUNT

    def __init__(self, db: Database, bus: Bus, scope_id: UUID, arrivals: Arrivals) -> None:
        super().__init__(db, bus, scope_id, arrivals)
        self._counting: set[Window[Any]] = set()
        self._badges = Badges(arrivals.jobs, f"badges of {scope_id}", self._count, self._tell_counts)

    async def read(self, place: Place) -> News | None:
        """See `Feed.read`."""
        return await changes.of_account(self._db, self.id, place.after)

    async def _start(self) -> News | None:
        return await changes.of_account(self._db, self.id, None)

    async def _next(self) -> News | None:
        return await changes.of_account(self._db, self.id, self.position)

    def _joined(self, window: Window[Any]) -> None:
        if window.signals:
            self._counting.add(window)

    def _left(self, window: Window[Any]) -> None:
        self._counting.discard(window)
        if not self._counting:
            self._badges.close()

    def _told(self, found: News) -> None:
        if self._counting and found.events:
            self._badges.count()

    def beat(self) -> None:
        """See `Feed.beat`."""
        self._badges.age()

    def signal(self) -> CountsChanged | None:
        """See `Feed.signal`. Where nothing is counted yet, that is told to all a moment later."""
        if self._badges.last is None:
            self._badges.count()
        return self._badges.last

    async def _count(self) -> CountsChanged:
        return CountsChanged(await tallies.of_account(self._db.readers, self.id, tombstones.KEPT))

    def _tell_counts(self, event: CountsChanged) -> None:
        for window in self._counting:
            window.tell(event)
