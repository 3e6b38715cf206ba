"""Everybody asks at once, and hears a reply."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress

from bench.chats.providing import Providing
from bench.chats.sides import Side

PATIENCE = 60.0
"""Seconds that anything may take."""


async def all_of(side: Side, *work: Awaitable[object]) -> None:
    """Waits for all of it.

    Raises:
        TimeoutError: it takes too long, and nothing else is known to be wrong.
    """
    gathered = asyncio.gather(*work)
    end = time.monotonic() + PATIENCE
    while not gathered.done():
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(gathered)
        side.check()
        if time.monotonic() > end:
            gathered.cancel()
            raise TimeoutError([(heard.last, heard.over) for heard in side.heard])
    await gathered


async def short(side: Side, provider: Providing, times: int) -> None:
    """Everybody has some short replies, so that everything that is needed once has been there."""
    for _ in range(times):
        people = len(side.heard)
        await provider.tell("expect", sessions=people, rate=100.0, count=3, start=0, said=True)
        for heard in side.heard:
            heard.begin()
        for place in range(people):
            await side.send(place)
        await all_of(side, *(heard.until(3, over=True) for heard in side.heard))
