"""Ending work from outside: a client that left, an expired credential, a server that goes away."""

import asyncio
from types import TracebackType
from typing import Self


class Interruptible[R]:
    """A block of the current task that others can end, giving a reason.

    `async with Interruptible() as work: ...`, and `work.interrupt(reason)` from anywhere on the loop. Afterwards
    `work.reason` tells why the block was left early, or is `None`. A cancellation of the task itself passes through.
    """

    __slots__ = ("_entered", "reason", "task")

    def __init__(self) -> None:
        self.reason: R | None = None
        self._entered = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self.task: asyncio.Task[object] = task
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._entered = False
        if self.reason is None:
            return False
        cancelled_by_others = self.task.uncancel() > 0
        return kind is asyncio.CancelledError and not cancelled_by_others

    def interrupt(self, reason: R) -> None:
        """End the block. Only the first reason counts; too late is too late."""
        if self._entered and self.reason is None:
            self.reason = reason
            self.task.cancel()
