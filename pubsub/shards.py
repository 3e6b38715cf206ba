"""The two links to one node of a cluster: they know that a slot may be another node's now."""

from collections.abc import Callable
from typing import Final, override

import hiredis

from pubsub.hub import Hub
from pubsub.node import Node
from pubsub.publisher import Publisher
from pubsub.subscriber import Subscriber, Subscription
from pubsub.wire import SUBSCRIBED, UNSUBSCRIBED, Wire

ELSEWHERE: Final = ("MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN")
"""How errors begin that say: not here, or not now. They concern one slot and leave the link sound."""


class ShardPublisher(Publisher):
    """Publishes what belongs to one node. `astray` is called with each channel whose message the node did not want.

    Such a message is dropped: sent again elsewhere, it would come after later ones. `lost` is called when the link is.
    """

    def __init__(
        self,
        url: str,
        wire: Wire,
        *,
        backlog: int,
        backlog_bytes: int,
        to: str,
        astray: Callable[[bytes], None],
        lost: Callable[[], None],
    ) -> None:
        super().__init__(url, wire, backlog=backlog, backlog_bytes=backlog_bytes, to=to)
        self._astray = astray
        self._lost = lost

    @override
    def _refused(self, error: hiredis.ReplyError) -> None:
        if not self._unconfirmed or not str(error).startswith(ELSEWHERE):
            raise error
        self._astray(self._on_its_way[-self._unconfirmed])
        self._received(0)

    @override
    def _closed(self) -> None:
        super()._closed()
        self._lost()


class ShardSubscriber(Subscriber):
    """Listens to what belongs to one node. `astray` is called with each subscription that the node does not hold.

    `lost` is called when the link is.
    """

    def __init__(
        self,
        url: str,
        wire: Wire,
        hub: Hub,
        *,
        to: str,
        astray: Callable[[Subscription], None],
        lost: Callable[[], None],
    ) -> None:
        super().__init__(url, wire, hub, to=to)
        self._astray = astray
        self._lost = lost

    @property
    def empty(self) -> bool:
        """Whether nothing is subscribed on this link but what is on every one."""
        return len(self._subscriptions) == 1

    def abandon(self, subscription: Subscription) -> None:
        """Forget it, for another node has it."""
        del self._subscriptions[subscription.name]

    @override
    def _refused(self, error: hiredis.ReplyError) -> None:
        if not self._asked or not str(error).startswith(ELSEWHERE):
            raise error
        answer, subscription = self._asked.popleft()
        if answer is SUBSCRIBED:
            self._disown(subscription)

    @override
    def _changed_unasked(self, kind: bytes, name: bytes) -> None:
        # A node says so by itself when it gives a slot away.
        if kind not in UNSUBSCRIBED:
            super()._changed_unasked(kind, name)
        subscription = self._subscriptions.get(name)
        if subscription and subscription.confirmed.is_set():
            subscription.confirmed.clear()
            self._disown(subscription)

    def _disown(self, subscription: Subscription) -> None:
        if self._subscriptions.get(subscription.name) is subscription:
            self.abandon(subscription)
            self._astray(subscription)

    @override
    def _closed(self) -> None:
        super()._closed()
        self._lost()


type Shard = Node[ShardSubscriber, ShardPublisher]
