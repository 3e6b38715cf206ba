"""People who write in a session whatever happens, and remember what they were told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count, cycle
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.chaos.windows import PASSING, PAUSE
from tests.server.callers import Caller

SEND = """
mutation Send($input: SendMessageInput!, $key: String) {
  sendMessage(input: $input, clientMutationId: $key) {
    __typename
    ... on SendMessagePayload { session { id } message { id } run { id } }
    ... on UserError { reason }
  }
}
"""
PATIENCE = 30.0
"""Seconds in which a call must be answered, however often it is made."""
BETWEEN = 0.05
"""Seconds between two messages of a writer."""


class Writer:
    """Sends numbered messages. A call without an answer is repeated with its key, at the next server.

    An async context manager.
    """

    def __init__(self, *servers: str) -> None:
        self.servers = servers
        self.acknowledged: dict[str, list[int]] = {}
        """The numbers of each message that were answered for."""
        self.failures = 0
        """Calls without an answer, or that were told to come again."""
        self._numbers = count()
        self._callers: dict[str, Caller] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def caller(self, server: str) -> Caller:
        """The writer at a server."""
        if server not in self._callers:
            self._callers[server] = await self._stack.enter_async_context(Caller.at(server))
        return self._callers[server]

    async def begin(self) -> str:
        """Makes a session with a title, so that no model is asked for one; its id."""
        return str((await self._send(reply=False, newSession={"title": "Chaos"}))["session"]["id"])

    async def ask(self, session_id: str, at: str | None = None) -> str:
        """Asks for a reply, at one server first; the run's id."""
        return str((await self._send(at, sessionId=session_id))["run"]["id"])

    @asynccontextmanager
    async def writing(self, session_id: str) -> AsyncIterator[None]:
        """Message after message, one at a time, during the block; each is answered in the end."""
        done = asyncio.Event()
        task = asyncio.create_task(self._write(session_id, done))
        try:
            yield
        finally:
            done.set()
            await task

    async def fails(self) -> None:
        """Returns when one more call has failed."""
        before = self.failures
        async with asyncio.timeout(10):
            while self.failures == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _write(self, session_id: str, done: asyncio.Event) -> None:
        while not done.is_set():
            await self._send(reply=False, sessionId=session_id)
            try:
                await asyncio.wait_for(done.wait(), BETWEEN)
            except TimeoutError:
                continue

    async def _send(self, at: str | None = None, **more: object) -> Any:
        number, key = next(self._numbers), str(uuid4())
        sent = await self._call([at, *self.servers] if at else self.servers, {"text": str(number), **more}, key)
        assert sent["__typename"] == "SendMessagePayload", sent
        self.acknowledged[sent["message"]["id"]] = [number]
        return sent

    async def _call(self, servers: Sequence[str], message: dict[str, Any], key: str) -> Any:
        async with asyncio.timeout(PATIENCE):
            asked = cycle(servers)
            while True:
                try:
                    answer = await (await self.caller(next(asked))).ask(SEND, input=message, key=key)
                except httpx.TransportError:
                    answer = None
                if answer is not None and not answer.errors:
                    return answer.data["sendMessage"]
                assert answer is None or set(answer.codes) <= PASSING, answer.errors
                self.failures += 1
                await asyncio.sleep(PAUSE)
