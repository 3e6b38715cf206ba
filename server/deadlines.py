"""Deadlines of connections: one timer for all of them, because nearly every one is met within the same turn."""

import asyncio
from typing import Protocol


class Awaited(Protocol):
    """Whom something is awaited from."""

    def give_up(self) -> None:
        """Called once, when the deadline has passed, or when too many are awaited."""


class Deadlines:
    """Who has to do something, and until when. Looks every `step` seconds; the longest awaited of `most` goes first."""

    def __init__(self, step: float, most: int) -> None:
        self._step = step
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._until: dict[Awaited, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, awaited: Awaited, seconds: float) -> None:
        """Gives so many seconds from now on."""
        until = self._until
        until[awaited] = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._step, self._look)
        if len(until) > self._most:
            self._drop(next(iter(until)))

    def extend(self, awaited: Awaited, seconds: float, longest: float) -> None:
        """Gives so many seconds more, but no more than `longest` from now on."""
        self._until[awaited] = min(self._until[awaited] + seconds, self._loop.time() + longest)

    def clear(self, awaited: Awaited) -> None:
        """It is done."""
        self._until.pop(awaited, None)

    def __contains__(self, awaited: Awaited) -> bool:
        """Whether something is awaited from it."""
        return awaited in self._until

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for awaited in [awaited for awaited, until in self._until.items() if until <= now]:
            self._drop(awaited)
        if self._until:
            self._timer = self._loop.call_later(self._step, self._look)

    def _drop(self, awaited: Awaited) -> None:
        self._until.pop(awaited, None)
        awaited.give_up()
