"""A listener that remembers, and conditions to wait for."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

PATIENCE = 10.0


class Ear:
    """Keeps what it heard: `heard` the payloads, `losses` the count of losses."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.losses = 0
        self._changed = asyncio.Event()

    def on_message(self, payload: bytes) -> None:
        self.heard.append(payload)
        self._changed.set()

    def on_loss(self) -> None:
        self.losses += 1
        self._changed.set()

    async def hears(self, count: int) -> list[bytes]:
        """Wait for `count` messages in all; return what was heard."""
        await self._until(lambda: len(self.heard) >= count)
        return self.heard

    async def stirs(self) -> None:
        """Wait for a message or a loss."""
        await self._until(lambda: bool(self.heard or self.losses))

    async def loses(self, count: int) -> None:
        """Wait for `count` losses in all."""
        await self._until(lambda: self.losses >= count)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within: float = PATIENCE) -> float:
    """Wait for what cannot be listened to; return the seconds it took.

    Raises:
        TimeoutError: it did not come true `within` as many seconds.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    async with asyncio.timeout(within):
        while not (await answer if isawaitable(answer := condition()) else answer):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return clock() - began
