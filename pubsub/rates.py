"""Rates: how often something may happen in a minute, counted in Redis by all processes together.

The window moves: what happened in the last 60 seconds counts, and nothing else. Without Redis nothing is counted and
everything may happen, because a rate is there to protect what Redis, too, is there for.
"""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pubsub.addresses import PORT, ClusterAddress
from pubsub.link import options_of

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import MovingWindowRateLimiter

_log = logging.getLogger("transom.rates")

PATIENCE = 0.5
"""Seconds that an answer of Redis is waited for."""
PAUSE = 1.0
"""Seconds after which a Redis that did not answer is asked again."""
PREFIX = "transom:rates"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one account may do something in a minute, perhaps with one agent."""

    what: str
    """Such as `messages`."""
    limit: int
    of: tuple[str, ...]
    """The ids of whom it is counted for."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a rate is used."""

    rate: Rate
    used: int
    reset_at: datetime
    """When the oldest of what counts does not count any more."""


class Rates:
    """Counts for one process; an async context manager. It speaks to Redis only when there is something to count.

    `url` is what the bus takes: of a server, or of a cluster. `patience` is how many seconds an answer is waited for.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._url = url
        self._patience = patience
        self._limiter: MovingWindowRateLimiter | None = None
        self._away_until = 0.0
        self._away = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._limiter is not None:
            storage: Any = self._limiter.storage
            await storage.bridge.storage.aclose()

    async def take(self, rates: Sequence[Rate]) -> Use | None:
        """Counts one of each, or none: then it returns the rate in which there is no room. Open without Redis."""
        return await self._asked(lambda limiter: _take(limiter, rates)) if rates else None

    async def uses(self, rates: Sequence[Rate]) -> Sequence[Use] | None:
        """How much is used of each; None without Redis."""
        return await self._asked(lambda limiter: _uses(limiter, rates))

    async def _asked[Answer](self, ask: "Callable[[MovingWindowRateLimiter], Awaitable[Answer]]") -> Answer | None:
        from redis.exceptions import RedisClusterException, RedisError  # noqa: PLC0415  (as the rest: see `_opened`)

        clock = asyncio.get_running_loop()
        if clock.time() < self._away_until:
            return None
        if self._limiter is None:
            await asyncio.to_thread(importlib.import_module, "limits.aio.storage")
        self._limiter = self._limiter or _opened(self._url, self._patience)
        try:
            async with asyncio.timeout(self._patience):
                answer = await ask(self._limiter)
        except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
            self._away_until = clock.time() + PAUSE
            if not self._away:
                _log.warning("Rates are not enforced until Redis answers: %s", type(error).__name__)
            self._away = True
            return None
        if self._away:
            _log.info("Rates are enforced again.")
        self._away = False
        return answer


async def _take(limiter: "MovingWindowRateLimiter", rates: Sequence[Rate]) -> Use | None:
    if len(rates) > 1:
        for rate in rates:
            if not await limiter.test(_item(rate), *rate.of):
                return await _use(limiter, rate)
    for rate in rates:
        if not await limiter.hit(_item(rate), *rate.of):
            return await _use(limiter, rate)
    return None


async def _uses(limiter: "MovingWindowRateLimiter", rates: Sequence[Rate]) -> Sequence[Use]:
    return [await _use(limiter, rate) for rate in rates]


async def _use(limiter: "MovingWindowRateLimiter", rate: Rate) -> Use:
    stats = await limiter.get_window_stats(_item(rate), *rate.of)
    return Use(rate, rate.limit - stats.remaining, datetime.fromtimestamp(stats.reset_time, UTC))


def _item(rate: Rate) -> "RateLimitItem":
    from limits import RateLimitItemPerMinute  # noqa: PLC0415

    return RateLimitItemPerMinute(rate.limit, 1, rate.what)


def _opened(url: str, patience: float) -> "MovingWindowRateLimiter":
    """What counts in the Redis at an address. Nothing of it is loaded by a process that has nothing to count."""
    from limits.aio.storage import RedisClusterStorage, RedisStorage  # noqa: PLC0415
    from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415
    from redis.asyncio.cluster import ClusterNode  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    options: dict[str, Any] = {
        "implementation": "redispy",
        "key_prefix": PREFIX,
        "protocol": 2,
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        "retry": Retry(NoBackoff(), 1),  # a connection of before a restart is replaced at once
    }
    if (address := ClusterAddress.of(url)) is None:
        return MovingWindowRateLimiter(RedisStorage(url.replace("unix://", "redis+unix://", 1), **options))
    first = address.url(address.seeds[0])
    _, given = options_of(first)
    secured = {"ssl": True} if first.startswith("rediss:") else {}
    left_out = ("host", "port", "db", *options)
    seeds = [urlsplit(address.url(seed)) for seed in address.seeds]
    nodes = [ClusterNode(seed.hostname or "", seed.port or PORT) for seed in seeds]
    more = {name: value for name, value in given.items() if name not in left_out}
    storage = RedisClusterStorage("redis+cluster://", **{**options, **secured, **more, "startup_nodes": nodes})
    return MovingWindowRateLimiter(storage)
