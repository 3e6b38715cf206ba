"""The feed of an account."""

from chat.cursors import ScopeKind
from chat.sync import news
from chat.sync.feed import Feed
from chat.sync.news import News, Place


class AccountFeed(Feed):
    """One account: what sidebars and dashboards show."""

    kind = ScopeKind.ACCOUNT

    async def read(self, place: Place) -> News | None:
        """See `Feed.read`."""
        return await news.of_account(self._db, self.id, place.after)

    async def _start(self) -> News | None:
        return await news.of_account(self._db, self.id, None)

    async def _next(self) -> News | None:
        return await news.of_account(self._db, self.id, self.position)
