"""Windows that stay: they come back after their last cursor, at another server if need be, as real clients do."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.chaos.checker import Screen
from tests.server.callers import Caller
from tests.server.windows import FOLLOW

PAGE = """
query Page($id: ID!, $after: PageCursor) {
  session(id: $id) {
    cursor
    messages(first: 100, after: $after) {
      edges { node { id role status content run { id status } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

PAUSE = 0.05
"""Seconds between two attempts to attach."""
PASSING = {"SERVICE_UNAVAILABLE", "TIMED_OUT"}
"""Codes of errors after which a client asks again."""


class StayingWindow(Screen):
    """A window on a session. Its servers are asked in turn whenever it has no connection."""

    def __init__(self, servers: Sequence[str], session_id: str) -> None:
        super().__init__()
        self.attached = 0
        """How often it has caught up."""
        self._servers = servers
        self._session_id = session_id
        self._socket: ClientConnection | None = None

    @classmethod
    @asynccontextmanager
    async def staying(cls, servers: Sequence[str], session_id: str) -> AsyncIterator[Self]:
        """A window from now until the end of the block. `servers` are addresses such as `http://host:port/graphql`."""
        window = cls(servers, session_id)
        staying = asyncio.create_task(window._stay())
        try:
            await window.until(lambda shown: shown.attached > 0)
            yield window
        finally:
            staying.cancel()
            (ended,) = await asyncio.gather(staying, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended

    def lose(self) -> None:
        """Loses the connection, without a word to the server."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def _stay(self) -> None:
        try:
            for server in cycle(self._servers):
                try:
                    await self._attach(server)
                except (OSError, WebSocketException, TimeoutError):
                    pass
                finally:
                    self._socket = None
                await asyncio.sleep(PAUSE)
        finally:
            self.closed = True
            self._announce()

    async def _attach(self, server: str) -> None:
        async with connect(
            server.replace("http", "ws", 1),
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
            proxy=None,
            open_timeout=5,
            close_timeout=1,
        ) as socket:
            self._socket = socket
            await socket.send('{"type": "connection_init"}')
            payload = {"query": FOLLOW, "variables": {"id": self._session_id, "after": self.cursor}}
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            async for frame in socket:
                message = json.loads(frame)
                if message == {"type": "ping"}:
                    await socket.send('{"type": "pong"}')
                    continue
                if message["type"] != "next":
                    assert message["type"] == "error", message
                    assert {error["extensions"]["code"] for error in message["payload"]} <= PASSING, message
                    return
                event = message["payload"]["data"]["session"]
                if event["__typename"] == "Reset":
                    await self._fetch(server)
                    return
                self.attached += event["__typename"] == "CaughtUp"
                self.take(event)

    async def _fetch(self, server: str) -> None:
        """Begins anew with what a query tells."""
        async with Caller.at(server) as caller:
            cursor, messages = await fetched(caller, self._session_id)
        self.forget()
        for message in messages:
            whole = message | {"parts": [{"text": message["content"]}]}
            self.take({"__typename": "MessageChanged", "cursor": cursor, "message": whole})


async def fetched(caller: Caller, session_id: str) -> tuple[str, list[dict[str, Any]]]:
    """A session anew: the sync cursor of the first page, and all messages in order."""
    cursor, messages, after = "", list[dict[str, Any]](), None
    while True:
        session = (await caller.get(PAGE, id=session_id, after=after))["session"]
        page = session["messages"]
        cursor = cursor or session["cursor"]
        messages += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return cursor, messages
        after = page["pageInfo"]["endCursor"]
