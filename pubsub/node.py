"""One Redis server: a link to listen on and a link to publish on."""

import asyncio

from pubsub.hub import Hub
from pubsub.publisher import Publisher
from pubsub.subscriber import Subscriber
from pubsub.wire import Wire


class Node[S: Subscriber, P: Publisher]:
    """Both links to one server."""

    def __init__(self, subscriber: S, publisher: P) -> None:
        self.subscriber = subscriber
        self.publisher = publisher

    @property
    def up(self) -> bool:
        """Whether both links stand."""
        return self.subscriber.up and self.publisher.up

    async def keep_up(self) -> None:
        """Hold both links until cancelled."""
        async with asyncio.TaskGroup() as links:
            links.create_task(self.subscriber.keep_up(), name="subscribing link")
            links.create_task(self.publisher.keep_up(), name="publishing link")

    async def wait_up(self, seconds: float) -> None:
        """Return when both links stand, or after `seconds`."""
        await asyncio.gather(self.subscriber.wait_up(seconds), self.publisher.wait_up(seconds))

    async def wait_idle(self, seconds: float) -> None:
        """Return when the server has taken everything, when it is not reached, or after `seconds`."""
        await self.publisher.wait_idle(seconds)

    def publish(self, name: bytes, payload: bytes) -> None:
        """Send `payload` soon, or remember that it was dropped."""
        self.publisher.publish(name, payload)

    async def join(self, channel: str) -> None:
        """Subscribe to `channel`; return when that is confirmed, or after about two seconds."""
        await self.subscriber.join(channel)

    def leave(self, channel: str) -> None:
        """Unsubscribe from `channel`."""
        self.subscriber.leave(channel)


def single(url: str, wire: Wire, hub: Hub, *, backlog: int, backlog_bytes: int) -> Node[Subscriber, Publisher]:
    """The only server there is."""
    return Node(Subscriber(url, wire, hub), Publisher(url, wire, backlog=backlog, backlog_bytes=backlog_bytes))
