"""Without authentication a server answers to loopback hosts only, whatever the path and the transport."""

import asyncio
import json
import re
from collections.abc import Iterable

import pytest

from server.hosts import is_loopback
from tests.server.conftest import Start
from tests.server.served import Served
from tests.server.tokens import SECRET

BODY = json.dumps({"query": 'mutation { createProject(input: {name: "x"}) { __typename } }'})
UPGRADE = (
    "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n"
)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8000", "localhost.", "chat.localhost:1", "a.b.localhost.", "localhost:"),
        *("127.0.0.1", "127.0.0.1:65535", "127.255.3.4", "[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]:80"),
    ],
)
def test_this_machines_own_hosts(host: str) -> None:
    assert is_loopback(host.encode())


@pytest.mark.parametrize(
    "host",
    [
        *("", " ", "evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost", ".", ":8000"),
        *("127.0.0.1.evil.example", "128.0.0.1", "0.0.0.0", "10.0.0.1", "[::]", "[fe80::1]", "::1", "[127.0.0.1]"),
        *("localhost@evil.example", "evil.example#.localhost", "evil.example/.localhost", "localhost, evil.example"),
        *("evil.example\x00.localhost", "localhost:80:80", "localhost:x", "löcalhost", "127.0.0.1 evil.example"),
        *("0x7f.0.0.1", "2130706433", "127.0.0.1..", "[::1", "::1]:80", "[::ffff:10.0.0.1]"),
    ],
)
def test_hosts_of_others(host: str) -> None:
    assert not is_loopback(host.encode())


async def ask(
    served: Served, line: str, *headers: str, body: str = "", upgrade: bool = False, hosts: Iterable[str] = ()
) -> tuple[int, str]:
    """The status and the whole of an answer, of which the body is read as far as it goes within the time."""
    head = "".join(f"{header}\r\n" for header in (*(f"host: {host}" for host in hosts), *headers))
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"{line}\r\n{head}{UPGRADE if upgrade else ''}\r\n{body}".encode("latin-1"))
    try:
        async with asyncio.timeout(10):
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
            answer += (await reader.readexactly(int(length[1]))).decode() if length else ""
    finally:
        writer.close()
    return int(answer.split()[1]), answer


@pytest.mark.parametrize(
    "line",
    [
        "POST /graphql HTTP/1.1",
        "GET /graphql?query=%7Bviewer%7Bid%7D%7D HTTP/1.1",
        "OPTIONS /graphql HTTP/1.1",
        "GET / HTTP/1.1",
        "GET /graphiql HTTP/1.1",
        "GET /docs HTTP/1.1",
        "GET /schema.graphql HTTP/1.1",
        "GET /healthz HTTP/1.1",
        "GET /readyz HTTP/1.1",
        "GET /nothing HTTP/1.1",
    ],
)
async def test_a_page_whose_name_leads_here_gets_nothing(served: Served, line: str) -> None:
    evil = f"evil.example:{served.port}"
    body = BODY if line.startswith("POST") else ""
    status, answer = await ask(served, line, f"origin: http://{evil}", body=body, hosts=[evil])
    assert status == 421
    assert "TRANSOM_JWT_SECRET" in answer


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "multipart/mixed"])
async def test_a_call_is_refused_in_graphql(served: Served, accept: str) -> None:
    _, answer = await ask(served, "POST /graphql HTTP/1.1", f"accept: {accept}", body=BODY, hosts=["evil.example"])
    (error,) = json.loads(answer.partition("\r\n\r\n")[2])["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_socket_is_refused(served: Served) -> None:
    evil = f"evil.example:{served.port}"
    for path in ("/graphql", "/elsewhere"):
        line = f"GET {path} HTTP/1.1"
        status, answer = await ask(served, line, f"origin: http://{evil}", hosts=[evil], upgrade=True)
        assert (status, "TRANSOM_JWT_SECRET" in answer) == (421, True)
    assert (await ask(served, "GET /graphql HTTP/1.1", hosts=["localhost"], upgrade=True))[0] == 101


@pytest.mark.parametrize("upgrade", [False, True])
@pytest.mark.parametrize(
    ("line", "hosts", "allowed"),
    [
        ("GET /graphql?query={viewer{id}} HTTP/1.1", [], False),
        ("GET /graphql?query={viewer{id}} HTTP/1.1", ["localhost", "evil.example"], False),
        ("GET /graphql?query={viewer{id}} HTTP/1.1", ["localhost", "localhost"], False),
        ("GET http://evil.example/graphql?query={viewer{id}} HTTP/1.1", ["localhost"], False),
        ("GET http://evil.example:80/graphql?query={viewer{id}} HTTP/1.1", ["localhost"], False),
        ("GET http://localhost@evil.example/graphql?query={viewer{id}} HTTP/1.1", ["localhost"], False),
        ("GET http://localhost:80/graphql?query={viewer{id}} HTTP/1.1", ["evil.example"], True),
        ("GET http://[::1]:80/graphql?query={viewer{id}} HTTP/1.1", ["evil.example"], True),
        ("GET /graphql?query={viewer{id}} HTTP/1.1", ["localhost"], True),
    ],
)
async def test_the_host_is_the_one_that_counts(
    served: Served, line: str, hosts: list[str], *, allowed: bool, upgrade: bool
) -> None:
    status, _ = await ask(served, line, hosts=hosts, upgrade=upgrade)
    assert status == ((101 if upgrade else 200) if allowed else 421)


@pytest.mark.parametrize("name", ["x-forwarded-host", "forwarded", "x-host", "x-original-host"])
async def test_what_is_said_beside_host_does_not_count(served: Served, name: str) -> None:
    value = "host=localhost" if name == "forwarded" else "localhost"
    assert (await ask(served, "GET / HTTP/1.1", f"{name}: {value}", hosts=["evil.example"]))[0] == 421
    assert (await ask(served, "GET / HTTP/1.1", f"{name}: evil.example", hosts=["localhost"]))[0] == 200


async def test_the_log_says_once_what_to_do(start: Start) -> None:
    async with start() as served:
        for host in ("evil.example", "evil.example", "other.example"):
            assert (await ask(served, "GET / HTTP/1.1", hosts=[host]))[0] == 421
        lines = [line for line in served.log.read_text().splitlines() if "transom.hosts" in line]
    (line,) = lines
    assert "'evil.example'" in line
    assert "TRANSOM_JWKS_URL" in line


async def test_with_authentication_every_host_is_served(start: Start) -> None:
    async with start(jwt_secret=SECRET) as served:
        assert (await ask(served, "GET / HTTP/1.1", hosts=["chat.example.com"]))[0] == 200
        status, answer = await ask(served, "POST /graphql HTTP/1.1", body=BODY, hosts=["chat.example.com"])
        assert (status, "UNAUTHENTICATED" in answer) == (401, True)
