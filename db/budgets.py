"""How many bytes an answer may take: bounded in the statements that read much, and counted as it is written.

The budget is that of the operation whose task reads. What a process reads for all its windows has none.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum

ANSWER_ROWS = 25_000
ANSWER_BYTES = 50_000_000
"""What an answer may have and take, unless an operator allows other numbers."""
TOGETHER = 4
"""Answers of the largest size for which a process has room at once."""
LARGE_READS = 2
"""Reads of much that a process does at once."""
UNBOUNDED = 1 << 60


class Bound(Enum):
    """What there is no more room in."""

    ANSWER = "answer"
    PROCESS = "process"


class Exhausted(Exception):
    """There is no more room. The operation ends; nothing that it still reads or writes is used."""


@dataclass(slots=True)
class Budgets:
    """The budgets of a process: `each` answer has one, and all that are in the making have `together`."""

    each: int
    together: int
    taken: int = 0
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE_READS))
    """For reads of much, of which nothing is counted before it is there."""

    @contextmanager
    def open(self, *, copies: int, stop: Callable[[], None]) -> Iterator["Budget"]:
        """A budget for the operation of this task. `copies`: how often it shows what it reads once.

        `stop` is called once, when there is no more room.
        """
        budget = Budget(self, copies, stop)
        token = _current.set(budget)
        try:
            yield budget
        finally:
            _current.reset(token)
            budget.closed = True
            self.taken -= budget.taken


@dataclass(slots=True)
class Budget:
    """What one answer takes, in bytes."""

    of: Budgets
    copies: int
    stop: Callable[[], None]
    taken: int = 0
    exhausted: Bound | None = field(default=None, init=False)
    closed: bool = field(default=False, init=False)
    """Whether the operation is over. What still comes for it, nobody uses."""

    @property
    def left(self) -> int:
        """Bytes that may still be read."""
        return max(0, min(self.of.each - self.taken, self.of.together - self.of.taken) // self.copies)

    def read(self, size: int) -> None:
        """Counts what has been read, as often as it is shown.

        Raises:
            Exhausted: it is too much.
        """
        self.write(size * self.copies)

    def write(self, size: int) -> None:
        """Counts what has been written.

        Raises:
            Exhausted: it is too much.
        """
        if self.closed:
            raise Exhausted
        self.taken += size
        self.of.taken += size
        if self.taken > self.of.each or self.of.taken > self.of.together:
            if self.exhausted is None:
                self.exhausted = Bound.ANSWER if self.taken > self.of.each else Bound.PROCESS
                self.stop()
            raise Exhausted


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


def current() -> Budget | None:
    """The budget of the operation that this task works for."""
    return _current.get()
