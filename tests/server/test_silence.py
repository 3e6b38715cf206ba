"""How a socket ends whose client leaves something unanswered or unfinished, or breaks the protocol of WebSockets."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import Server

from server.sockets import WebSocketProtocol
from tests.server.test_connections import Connection, connected, until
from transports.ws import WRITE

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
TEXT, CONTINUED, CLOSE, PING, PONG = 1, 0, 8, 9, 10


class App:
    """Reads until the client has gone; `flood` fills the connection first."""

    def __init__(self, *, flood: bool) -> None:
        self.flood = flood
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        write = scope["extensions"][WRITE]
        while self.flood and write(b"x" * 1_000_000):
            pass  # more than 64 kB are written at once, so that the buffer fills
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self.left.set()


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[Server]:
    config = uvicorn.Config(
        app,
        port=0,
        ws=WebSocketProtocol,
        ws_max_size=1_000,
        ws_ping_interval=0.05,
        ws_ping_timeout=0.1,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="error",
    )
    server = Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server
    finally:
        await server.shutdown()


def frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A frame as clients send it, with a mask of zeros."""
    size = bytes((0x80 | len(payload),)) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
    return bytes((opcode | (0x80 if last else 0),)) + size + bytes(4) + payload


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[Connection]:
    async with connected(server) as connection:
        connection.say(HANDSHAKE)
        assert (await connection.head()).startswith(b"HTTP/1.1 101")
        yield connection


async def heard(connection: Connection) -> tuple[int, bytes]:
    """The opcode and payload of the next frame."""
    async with asyncio.timeout(10):
        first, size = await connection.reader.readexactly(2)
        assert size < 126
        return first & 15, await connection.reader.readexactly(size)


async def closed(connection: Connection, *, answering: bool = False) -> tuple[int, str]:
    """The code and reason of the close frame; until then pings are answered, or not."""
    while True:
        opcode, payload = await heard(connection)
        if opcode == CLOSE:
            return int.from_bytes(payload[:2]), payload[2:].decode()
        if opcode == PING and answering:
            connection.say(frame(PONG, payload))


async def test_who_answers_no_ping_may_come_back() -> None:
    app = App(flood=False)
    async with serving(app) as server, opened(server) as connection:
        assert await closed(connection) == (4408, "no answer to pings")
        await asyncio.wait_for(app.left.wait(), 5)


async def test_who_stops_within_a_frame_may_come_back() -> None:
    async with serving(App(flood=False)) as server, opened(server) as connection:
        connection.say(frame(TEXT, b"half a frame")[:-1])  # no answer to a ping can stand in the middle of it
        assert await closed(connection) == (4408, "no answer to pings")


async def test_who_leaves_a_message_unfinished_may_come_back() -> None:
    async with serving(App(flood=False)) as server, opened(server) as connection:
        connection.say(frame(TEXT, b"half", last=False))
        assert await closed(connection, answering=True) == (4408, "a message was not finished")


async def test_who_sends_message_after_message_in_pieces_stays() -> None:
    async with serving(App(flood=False)) as server, opened(server) as connection:
        for _ in range(8):
            connection.say(frame(TEXT, b"half", last=False))
            opcode, payload = await heard(connection)
            assert opcode == PING
            connection.say(frame(CONTINUED, b"the rest") + frame(PONG, payload))


async def test_who_reads_nothing_is_not_kept() -> None:
    app = App(flood=True)
    async with serving(app) as server, opened(server) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.wait_for(app.left.wait(), 10)
        await until(lambda: server.server_state.connections == set())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(3, b"no such kind"), 1002),
        (frame(CONTINUED, b"of nothing"), 1002),
        (b"\x81\x01x", 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"x" * 1_001), 1009),
    ],
)
async def test_who_breaks_the_protocol_is_told_which_way(data: bytes, code: int) -> None:
    async with serving(App(flood=False)) as server, opened(server) as connection:
        connection.say(data)
        assert (await closed(connection, answering=True))[0] == code


async def test_a_server_that_ends_without_draining_says_that_it_restarts() -> None:
    async with serving(App(flood=False)) as server, opened(server) as connection:
        ending = asyncio.create_task(server.shutdown())
        assert (await closed(connection))[0] == 1012
        await ending
