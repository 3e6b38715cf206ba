"""The feed of an account."""

from chat.cursors import ScopeKind
from chat.sync import news
from chat.sync.feed import Feed
from chat.sync.news import News


class AccountFeed(Feed):
    """One account: what sidebars and dashboards show."""

    kind = ScopeKind.ACCOUNT

    async def read(self, after: int | None) -> News | None:
        """See `Feed.read`."""
        return await news.of_account(self._db, self.id, after)

    async def _next(self) -> News | None:
        return await self.read(self.position)
