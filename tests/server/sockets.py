"""A plain WebSocket, whose frames are written out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.server.served import Served
from tests.server.windows import FOLLOW


class Socket:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def say(self, **frame: object) -> None:
        """Sends a message."""
        await self._connection.send(json.dumps(frame))

    async def hear(self) -> Any:
        """The next message that is no ping; those are answered."""
        async with asyncio.timeout(10):
            while (frame := json.loads(await self._connection.recv())) == {"type": "ping"}:
                await self.say(type="pong")
            return frame

    async def closed(self) -> tuple[int | None, str | None]:
        """Reads to the end; the code and the reason that it was closed with."""
        try:
            async with asyncio.timeout(15):
                while True:
                    await self._connection.recv()
        except ConnectionClosed:
            return self._connection.close_code, self._connection.close_reason

    async def follow(self, session_id: str) -> None:
        """Greets, follows a session, and hears of it once."""
        await self.say(type="connection_init")
        assert await self.hear() == {"type": "connection_ack"}
        payload = {"query": FOLLOW, "variables": {"id": session_id}}
        await self.say(type="subscribe", id="1", payload=payload)
        assert (await self.hear())["type"] == "next"


@asynccontextmanager
async def socket(served: Served, **headers: str) -> AsyncIterator[Socket]:
    """A socket that has not greeted yet."""
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(served.socket, subprotocols=protocols, additional_headers=headers) as connection:
        yield Socket(connection)
