"""The bus between processes: pub/sub of a Redis or Valkey server, or sharded pub/sub of a cluster."""

import asyncio
from typing import Final, Self, override

from pubsub import node
from pubsub.addresses import ClusterAddress
from pubsub.bus import Bus, Listener, Listening
from pubsub.cluster import Cluster
from pubsub.hub import Hub
from pubsub.link import options_of
from pubsub.wire import Wire

START_SECONDS: Final = 2.0
FAREWELL_SECONDS: Final = 1.0


class RedisBus(Bus):
    """Reaches the listeners of this process directly and those of all others through Redis; an async context manager.

    `url` is that of a server, `redis://…`, `rediss://…` or `unix:///path.sock`, which takes two connections; or that of
    a cluster, `redis+cluster://host:port,host:port` (`rediss+cluster://` with TLS), which takes two to each node that
    has slots. A cluster needs to be named by some of its nodes only: they tell of the others. Its channels are spread
    over the nodes by sharded pub/sub.

    Buses meet when they share a `namespace`, whatever their database number: Redis channels belong to the server.
    `backlog` (messages) and `backlog_bytes` bound what may wait to be published, at each node; what exceeds them is
    dropped, and other processes get `on_loss`.

    Entering waits up to two seconds for Redis and goes on without it; leaving gives pending messages one second.

    Raises:
        ValueError: `url` has another scheme, or an option that does not fit.
    """

    def __init__(
        self, url: str, *, namespace: str = "transom", backlog: int = 50_000, backlog_bytes: int = 1 << 24
    ) -> None:
        address = ClusterAddress.of(url)
        for each in [address.url(seed) for seed in address.seeds] if address else [url]:
            options_of(each)
        self._wire = Wire(namespace, sharded=address is not None)
        self._hub = Hub(emptied=self._emptied)
        self._redis = (
            Cluster(address, self._wire, self._hub, backlog=backlog, backlog_bytes=backlog_bytes)
            if address
            else node.single(url, self._wire, self._hub, backlog=backlog, backlog_bytes=backlog_bytes)
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._redis.keep_up(), name="links to Redis")
        try:
            await self._redis.wait_up(START_SECONDS)
        except BaseException:
            await self._stop(self._task)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        try:
            await self._redis.wait_idle(FAREWELL_SECONDS)
        finally:
            await self._stop(self._task)

    @property
    @override
    def connected(self) -> bool:
        """Whether all links stand; a link that died silently is noticed within three seconds."""
        return self._redis.up

    @override
    def publish(self, channel: str, payload: bytes) -> None:
        self._redis.publish(
            self._wire.name(channel), payload
        )  # First: what a callback publishes follows it everywhere.
        self._hub.publish(channel, payload)

    @override
    async def listen(self, channel: str, listener: Listener) -> Listening:
        listening = self._hub.add(channel, listener)
        try:
            await self._redis.join(channel)
        except BaseException:
            listening.close()
            raise
        return listening

    def _emptied(self, channel: str) -> None:
        self._redis.leave(channel)

    async def _stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
