"""Asks one thing over HTTP again and again, on connections that stay open, and keeps the times."""

import asyncio
import time
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import orjson


@dataclass(frozen=True)
class Ask:
    """One GraphQL request, or a plain GET where there is no document."""

    url: str
    query: str | None = None
    variables: dict[str, object] | None = None

    def encoded(self) -> bytes:
        """The HTTP request."""
        at = urlsplit(self.url)
        body = b"" if self.query is None else orjson.dumps({"query": self.query, "variables": self.variables or {}})
        target = at.path + (f"?{at.query}" if at.query else "")
        head = (
            f"{'POST' if body else 'GET'} {target} HTTP/1.1\r\nHost: {at.netloc}\r\nAccept: application/json\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class _Client(asyncio.Protocol):
    """One connection; asks again as soon as it has been answered."""

    def __init__(self, request: bytes, latencies: list[float], until: float) -> None:
        self.request, self.latencies, self.until = request, latencies, until
        self.over: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer = bytearray()
        self._missing = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._answer.clear()
        self._missing = -1
        self._since = time.perf_counter()
        self._transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._missing < 0 and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._answer[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                self.over.set_exception(AssertionError(bytes(self._answer[:500]).decode()))
                return
            self._missing = end + 4 + int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._answer) != self._missing:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._since)
        if now < self.until:
            self._ask()
        elif not self.over.done():
            self.over.set_result(bytes(self._answer.partition(b"\r\n\r\n")[2]))
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error or ConnectionError("The server closed the connection."))


async def load(ask: Ask, connections: int, seconds: float) -> tuple[list[float], list[bytes]]:
    """Asks on so many connections for so long; all times in seconds, and the last answer of each connection."""
    at, latencies = urlsplit(ask.url), list[float]()
    loop, until, request = asyncio.get_running_loop(), time.perf_counter() + seconds, ask.encoded()
    clients = [
        (await loop.create_connection(lambda: _Client(request, latencies, until), "127.0.0.1", at.port or 80))[1]
        for _ in range(connections)
    ]
    return latencies, list(await asyncio.gather(*(client.over for client in clients)))


async def answer(ask: Ask) -> bytes:
    """The answer to asking once."""
    return (await load(ask, 1, 0))[1][0]
