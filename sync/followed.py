"""What the resolver of a subscription to a scope returns."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Self

from sync.subscriber import Window


class Followed[E, T]:
    """The events of a window, as clients see them. Iterate, and `aclose` in the end, as with an async generator.

    A transport that can do better opens it (`open`) and takes events from the window itself; `show` then makes what a
    client sees of one.
    """

    __slots__ = ("_opening", "_window", "show")

    def __init__(self, window: AbstractAsyncContextManager[Window[E]], show: Callable[[E], T]) -> None:
        self.show = show
        self._opening = window
        self._window: Window[E] | None = None

    async def open(self) -> Window[E]:
        """The window, opened if need be. Raises what the rule that opens it raises."""
        if self._window is None:
            self._window = await self._opening.__aenter__()
        return self._window

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return self.show(await anext(await self.open()))

    async def aclose(self) -> None:
        """Closes the window."""
        if self._window is not None:
            self._window = None
            await self._opening.__aexit__(None, None, None)
