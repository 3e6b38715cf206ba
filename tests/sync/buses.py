"""Buses with faults, for a single process. The feeds, the worker and the journal are the real ones."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import override

from chat import runtime
from chat.process import Timing
from chat.runtime import Life
from pubsub.hub import Hub
from tests.conftest import Server


class Lossy(Hub):
    """Loses what `loses` says, without a word."""

    def __init__(self) -> None:
        super().__init__()
        self.loses: Callable[[str, bytes], bool] = lambda channel, payload: False
        self.lost = 0

    @override
    def publish(self, channel: str, payload: bytes) -> None:
        if self.loses(channel, payload):
            self.lost += 1
        else:
            super().publish(channel, payload)


class Late(Hub):
    """Keeps what comes on the channels of sessions while `keeping`, and delivers it with `release`."""

    def __init__(self) -> None:
        super().__init__()
        self.keeping = False
        self._kept: list[tuple[str, bytes]] = []

    @property
    def kept(self) -> int:
        """Messages that wait."""
        return len(self._kept)

    @override
    def publish(self, channel: str, payload: bytes) -> None:
        if self.keeping and ":session:" in channel:
            self._kept.append((channel, payload))
        else:
            super().publish(channel, payload)

    def release(self) -> None:
        """Delivers all, in order."""
        self.keeping = False
        kept, self._kept = self._kept, []
        for channel, payload in kept:
            super().publish(channel, payload)


def is_frame(channel: str, payload: bytes) -> bool:
    """Whether a message carries tokens."""
    return ":session:" in channel and payload[:1] == b"f"


def is_bell(channel: str, payload: bytes) -> bool:
    """Whether a message says that a scope's rows have changed."""
    return payload[:1] == b"h"


@asynccontextmanager
async def process_on(server: Server, bus: Hub, timing: Timing) -> AsyncIterator[Life]:
    """A process on a bus of its own."""
    async with runtime.running(server.db, bus, server.models, timing=timing) as started:
        yield started
