"""What is asked of a product, whichever it is."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bench.chats.heard import Heard

type Start = Callable[[int, int], AbstractAsyncContextManager["Side"]]
"""Starts a product: the port of its model's provider, and how many people there are."""


class Side(Protocol):
    """A product that runs. Each of its people has a chat of its own, and one window that shows it."""

    @property
    def heard(self) -> Sequence[Heard]:
        """What each window hears."""
        ...

    def used(self) -> tuple[float, float]:
        """Processor seconds until now: of the server, and of the database and the bus that it started."""
        ...

    async def send(self, place: int) -> None:
        """A person writes a message; returns when the server has taken it."""
        ...

    def check(self) -> None:
        """Raises what has gone wrong at a window."""
        ...
