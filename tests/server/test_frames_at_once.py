"""Frames that are written without waiting, among those that are sent as ASGI has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from server.sockets import WebSocketProtocol
from transports.ws import WRITE


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Writes three frames at once, sends one, writes one more of 70,000 bytes, and closes."""
    await receive()
    await send({"type": "websocket.accept"})
    write = scope["extensions"][WRITE]
    assert [write(f"{number}".encode()) for number in range(3)] == [True] * 3
    await send({"type": "websocket.send", "text": "sent"})
    assert write(b"x" * 70_000)
    await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
    assert not write(b"too late")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server of that application."""
    config = uvicorn.Config(app, port=0, ws=WebSocketProtocol, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()[1]
    await server.shutdown()


async def test_the_order_is_that_of_writing_and_nothing_follows_the_close(port: int) -> None:
    heard: list[str | bytes] = []
    async with asyncio.timeout(10), connect(f"ws://127.0.0.1:{port}/", max_size=None) as socket:
        with suppress(ConnectionClosed):
            while True:
                heard.append(await socket.recv())
    assert heard == ["0", "1", "2", "sent", "x" * 70_000]
    assert (socket.close_code, socket.close_reason) == (4000, "enough")
