"""The link a bus listens on: one confirmed subscription for each channel that has listeners here."""

import asyncio
from collections import deque
from contextlib import suppress
from itertools import groupby
from typing import Any, Final, override

from pubsub.hub import Hub
from pubsub.link import Link
from pubsub.wire import HEAD_SIZE, MESSAGE, MESSAGE_KIND, ORIGIN_SIZE, SUBSCRIBE, UNSUBSCRIBE, Wire, pack

CONFIRM_SECONDS: Final = 2.0


class Subscription:
    """A channel that is subscribed, or is to be. `relied_on` without confirmation, it owes its listeners a loss."""

    __slots__ = ("channel", "confirmed", "name", "relied_on")

    def __init__(self, channel: str, name: bytes) -> None:
        self.channel = channel
        self.name = name
        self.confirmed = asyncio.Event()
        self.relied_on = False


class Subscriber(Link):
    """Passes messages of other processes to the hub, and a loss for every hole there may be in them."""

    def __init__(self, url: str, wire: Wire, hub: Hub) -> None:
        super().__init__(url, "subscribing")
        self._wire = wire
        self._hub = hub
        self._every = Subscription("", wire.every_channel)
        self._subscriptions = {self._every.name: self._every}
        self._to_ask: list[tuple[bytes, Subscription]] = []
        self._asked: deque[tuple[bytes, Subscription]] = deque()

    async def join(self, channel: str) -> None:
        """Subscribe to `channel`, if it is not yet; return when Redis has confirmed.

        Gives up waiting, not subscribing, after two seconds, or two seconds after the link went down.
        """
        name = self._wire.name(channel)
        subscription = self._subscriptions.get(name)
        if subscription is None:
            subscription = self._subscriptions[name] = Subscription(channel, name)
            self._ask(SUBSCRIBE, subscription)
        since = 0.0 if self.up else asyncio.get_running_loop().time() - self.changed_at
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, CONFIRM_SECONDS - since)):
                await subscription.confirmed.wait()
        subscription.relied_on = True

    def leave(self, channel: str) -> None:
        """Unsubscribe from `channel`."""
        subscription = self._subscriptions.pop(self._wire.name(channel), None)
        if subscription:
            self._ask(UNSUBSCRIBE, subscription)

    def _ask(self, verb: bytes, subscription: Subscription) -> None:
        if not self.up:
            return
        if not self._to_ask:
            asyncio.get_running_loop().call_soon(self._ask_all)
        self._to_ask.append((verb, subscription))

    def _ask_all(self) -> None:
        commands = []
        for verb, group in groupby(self._to_ask, key=lambda asked: asked[0]):
            commands.append(pack(verb, *(subscription.name for _, subscription in group)))
        self._asked += self._to_ask
        self._to_ask = []
        self._send(b"".join(commands))

    @override
    def _opened(self) -> None:
        for subscription in self._subscriptions.values():
            self._ask(SUBSCRIBE, subscription)

    @override
    def _received(self, reply: Any) -> None:
        if not isinstance(reply, list):
            return  # the answer to a ping before the first subscription
        kind, name = reply[0], reply[1]
        if kind == MESSAGE:
            self._deliver(name, reply[2])
        elif kind in {b"subscribe", b"unsubscribe"}:
            self._confirm(kind, name)

    def _deliver(self, name: bytes, data: bytes) -> None:
        subscription = self._subscriptions.get(name)
        if subscription is None or data.startswith(self._wire.origin):
            return
        # Whatever is not a message, be it of a release to come, is something missed.
        if data[ORIGIN_SIZE:HEAD_SIZE] == MESSAGE_KIND and subscription is not self._every:
            self._hub.publish(subscription.channel, data[HEAD_SIZE:])
        elif subscription is self._every:
            self._hub.lose_all()
        else:
            self._hub.lose(subscription.channel)

    def _confirm(self, kind: bytes, name: bytes) -> None:
        # Redis answers in order; an answer out of it means that it subscribes us to something else than we believe.
        verb, subscription = self._asked.popleft() if self._asked else (b"", self._every)
        if (verb.lower(), subscription.name) != (kind, name):
            raise ConnectionResetError("a subscription changed that was not asked to")
        if verb == SUBSCRIBE:
            subscription.confirmed.set()
            if subscription.relied_on:
                self._hub.lose(subscription.channel)

    @override
    def _closed(self) -> None:
        self._to_ask = []
        self._asked.clear()
        for subscription in self._subscriptions.values():
            subscription.confirmed.clear()
