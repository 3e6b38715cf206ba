"""A session under watch: windows on all servers, somebody who writes, and a verdict in the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.chaos.checker import ENDED, Verdict, judge
from tests.chaos.windows import StayingWindow, fetched
from tests.chaos.writers import Writer
from tests.server.callers import SETTLED


@dataclass
class Watched:
    """A session. `servers` are the addresses of those that answer in the end."""

    id: str
    writer: Writer
    windows: Sequence[StayingWindow]
    servers: Sequence[str]
    whole: int
    """How many numbers a complete reply has."""

    async def fetched(self) -> list[dict[str, Any]]:
        """Its messages, fetched anew, in order."""
        _, messages = await fetched(await self.writer.caller(self.servers[0]), self.id)
        return messages

    async def reply(self) -> Any:
        """The one reply of the session, fetched anew."""
        (reply,) = [message for message in await self.fetched() if message["role"] == "ASSISTANT"]
        return reply

    async def until_all(self, condition: Callable[[StayingWindow], bool], *, seconds: float = 15) -> None:
        """Waits until every window shows something."""
        await asyncio.gather(*(window.until(condition, seconds=seconds) for window in self.windows))

    async def until_reads(self, count: int) -> None:
        """Waits until every window shows so many numbers of the reply."""
        await self.until_all(lambda shown: shown.count >= count)

    async def verdict(self, *, seconds: float = 15) -> Verdict:
        """Compares everything, as soon as all has ended and all windows agree, or when it is too late for that."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            stored = await self.fetched()
            verdict = judge(stored, self.windows, self.writer.acknowledged, self.whole)
            if verdict == Verdict() or asyncio.get_running_loop().time() > end:
                return verdict
            await asyncio.sleep(0.1)

    async def ended(self, *, seconds: float = 15) -> str:
        """Waits until every window knows that the reply has ended; how."""
        await self.until_all(lambda shown: shown.status in SETTLED, seconds=seconds)
        reply = await self.reply()
        assert reply["run"]["status"] in ENDED
        return str(reply["status"])


@asynccontextmanager
async def watched(*attached_to: Sequence[str], whole: int, each: int = 2) -> AsyncIterator[Watched]:
    """A new session with windows on it: `each` for every group of servers that such a window asks in turn.

    The writer speaks to the servers of the last group.
    """
    servers = attached_to[-1]
    async with Writer(*servers) as writer, AsyncExitStack() as stack:
        session_id = await writer.begin()
        opening = [StayingWindow.staying(group, session_id) for group in attached_to for _ in range(each)]
        windows = await asyncio.gather(*map(stack.enter_async_context, opening))
        yield Watched(session_id, writer, windows, servers, whole)
