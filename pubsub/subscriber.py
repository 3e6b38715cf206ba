"""The link a bus listens on: one confirmed subscription for each channel that has listeners here."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Final, override

from pubsub.hub import Hub
from pubsub.link import Link
from pubsub.wire import HEAD_SIZE, MESSAGE, MESSAGE_KIND, ORIGIN_SIZE, SUBSCRIBED, UNSUBSCRIBED, Wire

CONFIRM_SECONDS: Final = 2.0


class Subscription:
    """A channel that is subscribed, or is to be. `relied_on` without confirmation, it owes its listeners a loss."""

    __slots__ = ("channel", "confirmed", "name", "relied_on")

    def __init__(self, channel: str, name: bytes) -> None:
        self.channel = channel
        self.name = name
        self.confirmed = asyncio.Event()
        self.relied_on = False

    async def rely(self, seconds: float) -> None:
        """Return when it is confirmed, or after `seconds`: from then on its listeners rely on it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.confirmed.wait()
        self.relied_on = True


class Subscriber(Link):
    """Passes messages of other processes to the hub, and a loss for every hole there may be in them."""

    def __init__(self, url: str, wire: Wire, hub: Hub, *, to: str = "Redis") -> None:
        super().__init__(url, "subscribing", to)
        self._wire = wire
        self._hub = hub
        self._every = Subscription("", wire.every_channel)
        self._subscriptions = {self._every.name: self._every}
        self._to_ask: list[tuple[frozenset[bytes], Subscription]] = []
        self._asked: deque[tuple[frozenset[bytes], Subscription]] = deque()

    @property
    def patience(self) -> float:
        """Seconds that a confirmation is worth waiting for: two, or two after the link went down."""
        since = 0.0 if self.up else asyncio.get_running_loop().time() - self.changed_at
        return max(0.0, CONFIRM_SECONDS - since)

    async def join(self, channel: str) -> None:
        """Subscribe to `channel`, if it is not yet; return when Redis has confirmed.

        Gives up waiting, not subscribing, after two seconds, or two seconds after the link went down.
        """
        name = self._wire.name(channel)
        subscription = self._subscriptions.get(name)
        if subscription is None:
            subscription = Subscription(channel, name)
            self.follow(subscription)
        await subscription.rely(self.patience)

    def leave(self, channel: str) -> None:
        """Unsubscribe from `channel`."""
        subscription = self._subscriptions.pop(self._wire.name(channel), None)
        if subscription:
            self._ask(UNSUBSCRIBED, subscription)

    def follow(self, subscription: Subscription) -> None:
        """Subscribe, now and whenever the link is new."""
        self._subscriptions[subscription.name] = subscription
        self._ask(SUBSCRIBED, subscription)

    def _ask(self, answer: frozenset[bytes], subscription: Subscription) -> None:
        if not self.up:
            return
        if not self._to_ask:
            asyncio.get_running_loop().call_soon(self._ask_all)
        self._to_ask.append((answer, subscription))

    def _ask_all(self) -> None:
        asked, self._to_ask = self._to_ask, []
        self._asked += asked
        wire = self._wire
        self._send(
            b"".join(
                [(wire.subscribe if answer is SUBSCRIBED else wire.unsubscribe)(each.name) for answer, each in asked]
            )
        )

    @override
    def _opened(self) -> None:
        for subscription in self._subscriptions.values():
            self._ask(SUBSCRIBED, subscription)

    @override
    def _received(self, reply: Any) -> None:
        if not isinstance(reply, list):
            return  # the answer to a ping before the first subscription
        kind, name = reply[0], reply[1]
        if kind in MESSAGE:
            self._deliver(name, reply[2])
        elif kind in SUBSCRIBED or kind in UNSUBSCRIBED:
            self._changed(kind, name)

    def _deliver(self, name: bytes, data: bytes) -> None:
        subscription = self._subscriptions.get(name)
        if subscription is None or data.startswith(self._wire.origin):
            return
        # Whatever is not a message, be it of a release to come, is something missed.
        if subscription is self._every:
            for each in [each for each in self._subscriptions.values() if each is not self._every]:
                self._hub.lose(each.channel)
        elif data[ORIGIN_SIZE:HEAD_SIZE] == MESSAGE_KIND:
            self._hub.publish(subscription.channel, data[HEAD_SIZE:])
        else:
            self._hub.lose(subscription.channel)

    def _changed(self, kind: bytes, name: bytes) -> None:
        if not self._asked or kind not in self._asked[0][0] or name != self._asked[0][1].name:
            self._changed_unasked(kind, name)
            return
        answer, subscription = self._asked.popleft()
        if answer is SUBSCRIBED:
            subscription.confirmed.set()
            if subscription.relied_on:
                self._hub.lose(subscription.channel)

    def _changed_unasked(self, kind: bytes, name: bytes) -> None:
        # Redis answers in order; an answer out of it means that it subscribes us to something else than we believe.
        raise ConnectionResetError(f"{kind.decode()} of {name!r} was not asked for")

    @override
    def _closed(self) -> None:
        self._to_ask = []
        self._asked.clear()
        for subscription in self._subscriptions.values():
            subscription.confirmed.clear()
