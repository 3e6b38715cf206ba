"""What is asked of a product, whichever it is."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bench.chats.heard import Heard

type Start = Callable[[int, int], AbstractAsyncContextManager["Side"]]
"""Starts a product: the port of its model's provider, and how many people there are."""


class Window(Protocol):
    """A person's window."""

    heard: Heard
    reading: asyncio.Task[None]

    async def send(self) -> None:
        """The person writes a message; returns when the server has taken it."""
        ...


class Side(ABC):
    """A product that runs. Each of its people has a chat of its own, and one window that shows it."""

    def __init__(self, pid: int, windows: Sequence[Window]) -> None:
        self.pid = pid
        self.heard = [window.heard for window in windows]
        """What each window hears."""
        self._windows = windows

    @abstractmethod
    def used(self) -> tuple[float, float]:
        """Processor seconds until now: of the server, and of the database and the bus that it started."""

    async def send(self, place: int) -> None:
        """A person writes a message; returns when the server has taken it."""
        await self._windows[place].send()

    def check(self) -> None:
        """Raises what has gone wrong at a window."""
        for window in self._windows:
            if window.reading.done():
                window.reading.result()
                raise AssertionError("A window was closed.")
