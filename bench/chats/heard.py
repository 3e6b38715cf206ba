"""What a window has heard of a reply whose tokens are numbers with their moments (`bench.peers.control.text`)."""

import asyncio
import time

SIZE = 25
"""Characters of a token."""


class Wrong(Exception):
    """A window has heard something else than what the provider has said."""


class Heard:
    """The reply under way, as one window hears it."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """From now on, another reply."""
        self.last = -1
        """The last number."""
        self.first_at = 0
        """When number 0 came, in microseconds of the monotonic clock."""
        self.latencies: list[int] = []
        """Microseconds from the provider to this window, for each number but 0."""
        self.over = False
        self.changed = asyncio.Event()

    def take(self, text: str) -> None:
        """Some tokens have come.

        Raises:
            Wrong: one is missing, or came twice.
        """
        at = time.monotonic_ns() // 1000
        if len(text) % SIZE:
            raise Wrong(f"{text!r} is no whole token.")
        for start in range(0, len(text), SIZE):
            number, said = text[start : start + SIZE].split()
            if int(number) != self.last + 1:
                raise Wrong(f"After {self.last} came {number}.")
            self.last += 1
            if self.last:
                self.latencies.append(at - int(said))
            else:
                self.first_at = at
        self.changed.set()

    def end(self) -> None:
        """The reply is over, and saved."""
        self.over = True
        self.changed.set()

    async def until(self, number: int, *, over: bool = False) -> None:
        """Returns when this number has come, and if `over`, the reply's end."""
        while self.last < number or (over and not self.over):
            self.changed.clear()
            await self.changed.wait()
