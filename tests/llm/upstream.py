"""A model provider on a loopback port: reads HTTP requests, and answers each as a test tells it to."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Exchange:
    """One request, and the means to answer it."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, status: int, content: bytes, **headers: str) -> None:
        head = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in head.items())
        self.writer.write(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + content)
        await self.writer.drain()

    async def refuse(self, status: int, body: object, **headers: str) -> None:
        await self.send(status, json.dumps(body).encode(), **headers)

    async def begin(self) -> None:
        self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await self.writer.drain()

    async def line(self, text: str) -> None:
        self.writer.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
        await self.writer.drain()

    async def event(self, data: object, name: str | None = None) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        await self.line(f"event: {name}\ndata: {text}\n\n" if name else f"data: {text}\n\n")

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    def cut(self) -> None:
        self.writer.transport.abort()

    async def until_left(self) -> None:
        """Return when the client has closed the connection."""
        try:
            while await self.reader.read(1024):
                pass
        except ConnectionError:
            return


type Answer = Callable[[Exchange], Awaitable[None]]


@dataclass
class Upstream:
    port: int = 0
    answer: Answer | None = None
    asked: list[Exchange] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._open)

    def cut_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (exchange := await _read(reader, writer)) is not None:
                self.asked.append(exchange)
                assert self.answer is not None
                await self.answer(exchange)
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    body = json.loads(content) if content else {}
    return Exchange(first.split()[1], headers, body, reader, writer)


@asynccontextmanager
async def listening(upstream: Upstream) -> AsyncGenerator[Upstream]:
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", upstream.port)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        upstream.cut_all()
        await server.wait_closed()
