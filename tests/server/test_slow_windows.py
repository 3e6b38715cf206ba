"""Sockets that are read slowly, or not at all for a while, show the same text as the others in the end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served
from tests.server.windows import FOLLOW, Window

COUNT = 6_000
NUMBERS = "".join(f"{number} " for number in range(COUNT))
WIDE = " ".join(f"w{number}: runId" for number in range(40))
"""Makes every token event some two kilobytes, so that buffers on the way are full soon."""


@pytest.fixture(scope="module")
async def served(start: Start) -> AsyncIterator[Served]:
    async with start(model_url=f"scripted:?tokens={COUNT}&interval=0.0005") as served:
        yield served


@asynccontextmanager
async def narrow(served: Served, session_id: str) -> AsyncIterator[ClientConnection]:
    """A socket with small buffers that follows a session."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    raw.setblocking(False)
    address = urlsplit(served.socket)
    await asyncio.get_running_loop().sock_connect(raw, (address.hostname, address.port))
    options: dict[str, Any] = {"sock": raw, "subprotocols": ["graphql-transport-ws"], "max_queue": 2}
    async with connect(served.socket, **options, close_timeout=0.2) as opened:
        await opened.send('{"type": "connection_init"}')
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}
        query = FOLLOW.replace("index offset text", f"index offset text {WIDE}")
        subscribe: dict[str, Any] = {"query": query, "variables": {"id": session_id}}
        await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": subscribe}))
        yield opened


async def read(opened: ClientConnection, window: Window) -> None:
    """Takes one message."""
    async with asyncio.timeout(30):
        message = json.loads(await opened.recv())
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    window.take(message["payload"]["data"]["session"])


async def test_a_socket_that_is_not_read_for_a_while_goes_on_exactly_and_delays_nobody(served: Served) -> None:
    async with Caller.at(served.graphql) as caller:
        session_id = (await caller.send("Count!"))["session"]["id"]
        stopped, quick = Window(), Window()
        async with narrow(served, session_id) as opened, narrow(served, session_id) as other:
            while stopped.deltas < 20:
                await read(opened, stopped)
            while not quick.settled:
                await read(other, quick)
            assert quick.reply == NUMBERS
            assert quick.deltas > COUNT - 2_000
            while not stopped.settled:
                await read(opened, stopped)
        assert stopped.reply == NUMBERS
        assert stopped.deltas < COUNT - 2_000


async def test_a_socket_that_is_read_by_fits_and_starts_goes_on_exactly(served: Served) -> None:
    async with Caller.at(served.graphql) as caller:
        session_id = (await caller.send("Count!"))["session"]["id"]
        window = Window()
        async with narrow(served, session_id) as opened:
            while not window.settled:
                for _ in range(300):
                    if not window.settled:
                        await read(opened, window)
                await asyncio.sleep(0.02)
        assert window.reply == NUMBERS
