"""What the transport for model providers makes of the bytes on its connections."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from llm import dialing
from llm.connections import Connections

type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nX-Kind: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nHello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\nX-Trailer: 1\r\n\r\n"
)


@asynccontextmanager
async def serving(serve: Serve, **options: Any) -> AsyncIterator[int]:
    """A server on loopback; its port."""
    clients: list[asyncio.StreamWriter] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for client in clients:
            client.transport.abort()
        await server.wait_closed()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=Connections(), trust_env=False, timeout=10) as client:
        yield client


def saying(*answers: bytes, closes: bool = False) -> Serve:
    """Answers each request with one of these, in pieces as they are."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0))
            for piece in answers:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if closes:
                writer.close()
                return

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return quietly


@pytest.mark.parametrize("size", range(1, 40))
async def test_an_answer_is_the_same_however_its_bytes_are_cut(http: httpx2.AsyncClient, size: int) -> None:
    pieces = [CHUNKED[start : start + size] for start in range(0, len(CHUNKED), size)]
    async with serving(saying(*pieces)) as port:
        for _ in range(2):
            answer = await http.post(f"http://127.0.0.1:{port}/", content=b"hi")
            assert (answer.status_code, answer.headers["x-kind"], answer.text) == (200, "chunked", "Hello world!")


async def test_a_connection_is_used_again_when_its_answer_has_been_read(http: httpx2.AsyncClient) -> None:
    connections: list[asyncio.StreamWriter] = []
    answering = saying(CHUNKED)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await answering(reader, writer)

    async with serving(serve) as port:
        for _ in range(3):
            await http.get(f"http://127.0.0.1:{port}/")
        assert len(connections) == 1
        async with http.stream("GET", f"http://127.0.0.1:{port}/"):
            pass  # left unread
        await http.get(f"http://127.0.0.1:{port}/")
        assert len(connections) == 2


async def test_a_provider_that_closes_after_each_answer_is_connected_to_anew(http: httpx2.AsyncClient) -> None:
    closing = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    async with serving(saying(closing, closes=True)) as port:
        for _ in range(3):
            assert (await http.get(f"http://127.0.0.1:{port}/")).text == "ok"


async def test_connections_that_are_closed_while_nobody_uses_them_are_forgotten() -> None:
    transport = Connections()
    async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=10) as http:
        async with serving(saying(CHUNKED)) as port:
            await asyncio.gather(*(http.get(f"http://127.0.0.1:{port}/") for _ in range(5)))
            assert sum(map(len, transport._idle.values())) == 5
        async with asyncio.timeout(4):
            while transport._open:  # noqa: ASYNC110  (a connection has no event)
                await asyncio.sleep(0.01)
        assert sum(map(len, transport._idle.values())) == 0


async def test_a_body_without_a_length_ends_with_the_connection(http: httpx2.AsyncClient) -> None:
    async with serving(saying(b"HTTP/1.1 200 OK\r\n\r\n", b"all of it", closes=True)) as port:
        assert (await http.get(f"http://127.0.0.1:{port}/")).text == "all of it"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_half_an_answer_is_none(http: httpx2.AsyncClient, answer: bytes) -> None:
    async with serving(saying(answer, closes=True)) as port:
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.get(f"http://127.0.0.1:{port}/")


async def test_a_large_answer_comes_whole_to_a_slow_reader(http: httpx2.AsyncClient) -> None:
    body = bytes(range(256)) * 40_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    pieces = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
    async with serving(saying(head, *pieces)) as port, http.stream("GET", f"http://127.0.0.1:{port}/") as answer:
        found = b""
        async for piece in answer.aiter_bytes():
            found += piece
            await asyncio.sleep(0.001)
    assert found == body


async def test_a_header_with_a_line_break_is_not_sent(http: httpx2.AsyncClient) -> None:
    async with serving(saying(CHUNKED)) as port:
        with pytest.raises(httpx2.LocalProtocolError):
            await http.get(f"http://127.0.0.1:{port}/", headers={"Authorization": "Bearer a\r\nX-Other: b"})


async def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "both.pem"
    file.write_bytes(certificate("localhost"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    async with serving(saying(CHUNKED), ssl=context) as port:
        async with httpx2.AsyncClient(transport=Connections()) as http:
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await http.get(f"https://localhost:{port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        async with httpx2.AsyncClient(transport=Connections()) as http:
            for _ in range(2):
                assert (await http.get(f"https://localhost:{port}/")).text == "Hello world!"
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await http.get(f"https://127.0.0.1:{port}/")


def certificate(name: str) -> bytes:
    """A key with a certificate for a host, signed with itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + made.public_bytes(serialization.Encoding.PEM)


async def test_an_address_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as deaf, socket.socket() as filling, socket.socket() as refusing:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        filling.connect(deaf.getsockname())  # nobody accepts, so whoever comes next waits
        refusing.bind(("127.0.0.1", 0))
        async with serving(saying(CHUNKED)) as port:
            places = [refusing.getsockname(), deaf.getsockname(), ("127.0.0.1", port)]

            async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in places]

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
            async with asyncio.timeout(10):
                with await dialing.dial("host", 1) as connected:
                    assert connected.getpeername() == ("127.0.0.1", port)


async def test_a_host_that_refuses_at_every_address_says_so() -> None:
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await dialing.dial("127.0.0.1", refusing.getsockname()[1])
