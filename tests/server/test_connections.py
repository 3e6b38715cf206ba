"""Connections on which half of something arrives are not held open, and those that go on are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import Server

from server.connections import LONGEST_HEAD, Patience, patient
from server.sockets import WebSocketProtocol

QUICK = Patience(head=0.3, body=0.3, reading=0.3, step=0.02)
LONG = 30.0


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body, or with 401 at once; `/large` with more than fits into any buffer, `/parts`
    without a length.
    """
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        return
    if scope["path"] == "/parts":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})
        return
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"x" * 50_000_000 if scope["path"] == "/large" else str(size).encode()
    status = 401 if scope["path"] == "/early" else 200
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for place in range(0, len(body), 100_000):
        await send({"type": "http.response.body", "body": body[place : place + 100_000], "more_body": True})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def serving(patience: Patience, **options: Any) -> AsyncIterator[Server]:
    config = uvicorn.Config(
        echo, port=0, http=patient(patience), ws=WebSocketProtocol, lifespan="off", log_level="error", **options
    )
    server = Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server
    finally:
        await server.shutdown()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(QUICK) as server:
        yield server


class Connection:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def heard(self) -> bytes:
        """All that comes before the other side closes."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def head(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname()[:2])
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


WHOLE = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"


@pytest.mark.parametrize("count", [1, 5, 16, 17, 26, 45, 47, 48, 50])
async def test_a_part_of_a_request_is_answered_with_408(server: Server, count: int) -> None:
    async with connected(server) as connection:
        connection.say(WHOLE[:count])
        heard = await connection.heard()
    assert heard.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert heard.endswith(b"The request did not arrive in time. Send it again, whole.\n")
    assert server.server_state.connections == set()


async def test_who_says_nothing_is_let_go_without_a_word(server: Server) -> None:
    async with connected(server) as connection:
        assert await connection.heard() == b""


@pytest.mark.parametrize("start", [b"P", WHOLE[:-2], b"\r\n", b"\r"])
async def test_half_a_request_after_a_whole_one(server: Server, start: bytes) -> None:
    async with connected(server) as connection:
        connection.say(WHOLE)
        assert (await connection.head()).startswith(b"HTTP/1.1 200")
        connection.say(start)
        heard = await connection.heard()
    assert heard.startswith(b"4HTTP/1.1 408") or (heard == b"4" and start.isspace())


async def test_a_chunked_body_that_stops(server: Server) -> None:
    async with connected(server) as connection:
        connection.say(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n")
        assert (await connection.heard()).startswith(b"HTTP/1.1 408")


async def test_a_body_that_stops_after_its_answer(server: Server) -> None:
    async with connected(server) as connection:
        connection.say(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo")
        assert (await connection.head()).startswith(b"HTTP/1.1 401")
        connection.say(b"d")
        assert await connection.heard() == b"0"


async def drip(connection: Connection, data: bytes) -> None:
    """Says a byte now and then, as long as anybody listens."""
    for byte in data:
        connection.say(bytes((byte,)))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "begin", [b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"POST / HTTP/1.1\r\ncontent-length: 999\r\n\r\n"]
)
async def test_who_sends_a_byte_now_and_then_is_not_waited_for_longer(server: Server, begin: bytes) -> None:
    async with connected(server) as connection:
        connection.say(begin)
        dripping = asyncio.create_task(drip(connection, b"x" * 900))
        heard = await connection.heard()
        dripping.cancel()
    assert heard.startswith(b"HTTP/1.1 408") or heard == b""  # the reset may overtake the answer


async def test_a_body_that_comes_slowly_but_steadily_is_taken() -> None:
    # 40 pieces of a hundredth of a second each: longer than the time that a body has to begin with.
    async with serving(replace(QUICK, pace=1_000.0)) as server, connected(server) as connection:
        connection.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8000\r\n\r\n")
        for _ in range(40):
            connection.say(b"x" * 200)
            await asyncio.sleep(0.01)
        assert (await connection.head()).startswith(b"HTTP/1.1 200")


async def test_who_reads_nothing_is_cut_off(server: Server) -> None:
    async with connected(server) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        connection.say(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: len(server.server_state.tasks) == 1)
        await until(lambda: server.server_state.tasks | server.server_state.connections == set())


async def test_of_too_many_that_wait_the_first_goes() -> None:
    async with serving(Patience(head=LONG, most=2)) as server, connected(server) as first, connected(server) as second:
        for each in (first, second):
            each.say(b"GET")
        await until(lambda: len(server.server_state.connections) == 2)
        async with connected(server) as third:
            assert (await first.heard()).startswith(b"HTTP/1.1 408")
            for each in (second, third):
                each.say((b"" if each is third else b" / HTTP/1.1\r\nhost: x\r\n\r\n") or WHOLE)
                assert (await each.head()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/", "/early"])
async def test_whole_requests_are_answered_on_one_connection_for_longer_than_a_request_may_take(
    server: Server, path: str
) -> None:
    async with connected(server) as connection:
        for _ in range(30):
            connection.say(WHOLE.replace(b" / ", b" %b " % path.encode()))
            await connection.head()
            await connection.reader.readexactly(1)
            await asyncio.sleep(0.02)


async def test_a_socket_stays_for_longer_than_a_handshake_may_take(server: Server) -> None:
    handshake = (
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with connected(server) as connection:
        connection.say(handshake[:-2])
        assert (await connection.heard()).startswith(b"HTTP/1.1 408")
    async with connected(server) as connection:
        connection.say(handshake)
        assert (await connection.head()).startswith(b"HTTP/1.1 101")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await connection.reader.read()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (what is waited for is not ours to signal)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("ends", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"GET / HTTP/1.1\r\nhost: x\r\n"])
async def test_a_head_that_is_too_long_is_answered_with_431(server: Server, begin: bytes, ends: bytes) -> None:
    """In one part, or in several."""
    many = b"x: y\r\n" if begin.endswith(b"x\r\n") else b"xxxxxx"
    async with connected(server) as connection:
        connection.say(begin + many * (LONGEST_HEAD // 3) + ends)
        heard = await connection.heard()
    assert heard.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n") or heard == b""
    assert server.server_state.connections == set()


async def test_why_a_head_is_too_long_is_said(server: Server) -> None:
    async with connected(server) as connection:
        connection.say(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"x" * LONGEST_HEAD + b"\r\n\r\n")
        heard = await connection.heard()
    assert heard.endswith(b"The address and headers have more than 64,000 bytes. Send what is long in a body.\n")


async def test_a_long_body_makes_no_head_too_long(server: Server) -> None:
    async with connected(server) as connection:
        for _ in range(2):
            connection.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (5 * LONGEST_HEAD))
            connection.say(b"x" * (5 * LONGEST_HEAD))
            assert (await connection.head()).startswith(b"HTTP/1.1 200")
            assert await connection.reader.readexactly(6) == b"320000"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_what_has_no_length_is_sent_in_chunks_only_to_who_knows_them(server: Server, version: str) -> None:
    async with connected(server) as connection:
        connection.say(f"GET /parts HTTP/{version}\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        head = await connection.head()
        heard = await connection.heard()
    if version == "1.0":
        assert (b"transfer-encoding" in head, heard) == (False, b"onetwo")
    else:
        assert (b"transfer-encoding: chunked" in head, heard) == (True, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
)


@pytest.mark.parametrize(
    "more", [b"authorization: " + b"x" * 9000 + b"\r\n", b"x: y\r\n" * 200], ids=["a long header", "many headers"]
)
async def test_a_handshake_that_is_too_large_is_answered(server: Server, more: bytes) -> None:
    async with connected(server) as connection:
        connection.say(HANDSHAKE + more + b"\r\n")
        heard = await connection.heard()
    assert heard.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert heard.endswith(b"Send a long token in the payload of 'connection_init'.\n")


async def test_a_handshake_with_an_address_that_is_too_long_is_answered(server: Server) -> None:
    async with connected(server) as connection:
        connection.say(HANDSHAKE.replace(b"GET /", b"GET /" + b"x" * 9000) + b"\r\n")
        assert (await connection.heard()).startswith(b"HTTP/1.1 431")


async def test_cookies_of_other_programs_keep_no_socket_from_opening(server: Server) -> None:
    async with connected(server) as connection:
        connection.say(HANDSHAKE + b"cookie: " + b"x" * 20_000 + b"\r\n\r\n")
        assert (await connection.head()).startswith(b"HTTP/1.1 101")
