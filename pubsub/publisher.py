"""The link a bus publishes on: everything pending goes in one round trip, and what cannot go is owned up to."""

import asyncio
import logging
from typing import Any, override

from pubsub.debts import Debts
from pubsub.link import Link
from pubsub.wire import HEAD_SIZE, Wire

log = logging.getLogger("transom.pubsub")


class Publisher(Link):
    """Publishes without waiting: messages gather while a batch is on its way, and leave together as the next.

    At most `backlog` messages and `backlog_bytes` gather; as much again may be on its way. What exceeds that, what
    comes while the link is down and what was on its way when it broke is dropped. The channels concerned are
    remembered, and get a loss notice with the next batch.
    """

    def __init__(self, url: str, wire: Wire, *, backlog: int, backlog_bytes: int, to: str = "Redis") -> None:
        super().__init__(url, "publishing", to)
        self._wire = wire
        self._backlog = backlog
        self._backlog_bytes = backlog_bytes
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0
        self._on_its_way: list[bytes] = []
        self._unconfirmed = 0
        self._flush_due = False
        self._debts = Debts(wire.every_channel)
        self._overflowing = False
        self._idle = asyncio.Event()

    def publish(self, name: bytes, payload: bytes) -> None:
        """Send `payload` with the next batch, or remember that it was dropped."""
        if not self.up:
            self._debts.add(name)
            return
        size = HEAD_SIZE + len(payload)
        if len(self._pending) >= self._backlog or self._pending_bytes + size > self._backlog_bytes:
            self._overflow(name)
        else:
            self._pending.append((name, self._wire.message(payload)))
            self._pending_bytes += size
        self._flush_soon()

    def owe(self, name: bytes) -> None:
        """Send a loss notice with the next batch."""
        self._debts.add(name)
        self._flush_soon()

    def settle(self) -> set[bytes]:
        """Hand the debts over: names of channels that are owed a loss notice."""
        return self._debts.take()

    async def wait_idle(self, seconds: float) -> None:
        """Return when Redis has taken everything, when the link is down, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while self.up and (self._pending or self._debts or self._unconfirmed):
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            log.warning("closed before Redis had taken every message")

    @override
    def _opened(self) -> None:
        self._flush_soon()

    @override
    def _received(self, reply: Any) -> None:
        if not isinstance(reply, int):
            return  # the answer to a ping
        self._unconfirmed -= 1
        if self._unconfirmed == 0:
            self._on_its_way = []
            self._idle.set()
            self._flush()

    @override
    def _closed(self) -> None:
        for name in self._on_its_way:
            self._debts.add(name)
        for name, _ in self._pending:
            self._debts.add(name)
        self._on_its_way, self._unconfirmed = [], 0
        self._pending, self._pending_bytes = [], 0
        self._idle.set()

    def _flush_soon(self) -> None:
        if not self._flush_due and self._unconfirmed == 0:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if not self.up or self._unconfirmed or not (self._pending or self._debts):
            return
        messages, self._pending, self._pending_bytes = self._pending, [], 0
        dropped = self._debts.take()
        self._overflowing = bool(dropped) and self._overflowing
        notice = self._wire.loss()
        batch = [*messages, *((name, notice) for name in dropped)]
        self._on_its_way = [name for name, _ in batch]
        self._unconfirmed = len(batch)
        self._send(b"".join([self._wire.publish(name, data) for name, data in batch]))

    def _overflow(self, name: bytes) -> None:
        self._debts.add(name)
        if not self._overflowing:
            self._overflowing = True
            log.warning("too much to publish: messages are dropped, and other processes read the rows")
