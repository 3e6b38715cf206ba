"""The bus between processes: Redis or Valkey pub/sub, on two connections per process."""

import asyncio
from typing import Final, Self, override

from pubsub.bus import Bus, Listener, Listening
from pubsub.hub import Hub
from pubsub.link import options_of
from pubsub.publisher import Publisher
from pubsub.subscriber import Subscriber
from pubsub.wire import Wire

START_SECONDS: Final = 2.0
FAREWELL_SECONDS: Final = 1.0


class RedisBus(Bus):
    """Reaches the listeners of this process directly and those of all others through Redis; an async context manager.

    `url` is `redis://…`, `rediss://…` or `unix:///path.sock`. Buses meet when they share a `namespace`, whatever
    their database number: Redis channels belong to the server. `backlog` (messages) and `backlog_bytes` bound what
    may wait to be published; what exceeds them is dropped, and other processes get `on_loss`.

    Entering waits up to two seconds for Redis and goes on without it; leaving gives pending messages one second.

    Raises:
        ValueError: `url` has another scheme, or an option that does not fit.
    """

    def __init__(
        self, url: str, *, namespace: str = "transom", backlog: int = 50_000, backlog_bytes: int = 1 << 24
    ) -> None:
        options_of(url)
        wire = Wire(namespace)
        self._hub = Hub(emptied=self._emptied)
        self._subscriber = Subscriber(url, wire, self._hub)
        self._publisher = Publisher(url, wire, backlog=backlog, backlog_bytes=backlog_bytes)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        links = (self._subscriber, self._publisher)
        self._tasks = [asyncio.create_task(link.keep_up(), name=f"{link.name} link") for link in links]
        try:
            await asyncio.gather(*(link.wait_up(START_SECONDS) for link in links))
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._publisher.wait_idle(FAREWELL_SECONDS)
        finally:
            await self._stop()

    @property
    @override
    def connected(self) -> bool:
        """Whether both links stand; a link that died silently is noticed within three seconds."""
        return self._subscriber.up and self._publisher.up

    @override
    def publish(self, channel: str, payload: bytes) -> None:
        self._publisher.publish(channel, payload)  # First, for what a callback publishes must follow it everywhere.
        self._hub.publish(channel, payload)

    @override
    async def listen(self, channel: str, listener: Listener) -> Listening:
        listening = self._hub.add(channel, listener)
        try:
            await self._subscriber.join(channel)
        except BaseException:
            listening.close()
            raise
        return listening

    def _emptied(self, channel: str) -> None:
        self._subscriber.leave(channel)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
