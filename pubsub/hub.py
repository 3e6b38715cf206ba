"""Delivery inside one process: channel to listeners, at once."""

import logging
from collections import deque
from collections.abc import Callable
from typing import override

from pubsub.bus import Bus, Listener, Listening

log = logging.getLogger("transom.pubsub")


class Hub(Bus):
    """The bus of a single process, and the local half of every other bus.

    `emptied` is called with a channel's name when its last listener has left.
    """

    def __init__(self, emptied: Callable[[str], None] | None = None) -> None:
        self._listenings: dict[str, dict[Listening, None]] = {}
        self._emptied = emptied
        self._due: deque[tuple[str, bytes | None]] = deque()
        self._delivering = False

    @property
    @override
    def connected(self) -> bool:
        """Always: there is no other process."""
        return True

    @override
    def publish(self, channel: str, payload: bytes) -> None:
        self._deliver(channel, payload)

    @override
    async def listen(self, channel: str, listener: Listener) -> Listening:
        return self.add(channel, listener)

    def add(self, channel: str, listener: Listener) -> Listening:
        """Call `listener` from the next message on."""
        listening = Listening(channel, listener, self._remove)
        self._listenings.setdefault(channel, {})[listening] = None
        return listening

    def lose(self, channel: str) -> None:
        """Tell the listeners of `channel` that messages may have been missed."""
        self._deliver(channel, None)

    def _remove(self, listening: Listening) -> None:
        listenings = self._listenings[listening.channel]
        del listenings[listening]
        if not listenings:
            del self._listenings[listening.channel]
            if self._emptied:
                self._emptied(listening.channel)

    def _deliver(self, channel: str, payload: bytes | None) -> None:
        if channel not in self._listenings:
            return
        if self._delivering:  # Published by a callback: it waits its turn, or listeners would differ on the order.
            self._due.append((channel, payload))
            return
        self._delivering = True
        try:
            self._call(channel, payload)
            while self._due:
                self._call(*self._due.popleft())
        finally:
            self._delivering = False

    def _call(self, channel: str, payload: bytes | None) -> None:
        for listening in tuple(self._listenings.get(channel, ())):
            if not listening.open:
                continue
            try:
                if payload is None:
                    listening.listener.on_loss()
                else:
                    listening.listener.on_message(payload)
            except Exception:
                log.exception("a listener failed")
