"""A way to Redis on which published messages get lost: it understands just enough of RESP2 to drop whole ones."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.proxy import CHUNK


class LossyWay:
    """Stands between clients, on the Unix socket `at`, and a Redis server on the Unix socket `upstream`.

    An async context manager. Everything passes, but for each message that the server pushes to a subscriber, which is
    dropped with the probability `loss`; that may be changed at any time. `seed` makes the choice of drops repeatable.
    """

    def __init__(self, upstream: Path, *, at: Path, seed: int) -> None:
        self.loss = 0.0
        self.dropped = 0
        """Messages dropped."""
        self.passed = 0
        """Messages passed on."""
        self.at = at
        self._upstream = upstream
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, self.at)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):  # a cancelled handler would be reported by the server
                far_reader, far_writer = await asyncio.open_unix_connection(self._upstream)
                try:
                    pumps = [self._commands(reader, far_writer), self._replies(far_reader, writer)]
                    running = [asyncio.create_task(pump) for pump in pumps]
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in running:
                        each.cancel()
                    await asyncio.gather(*running, return_exceptions=True)
                    far_writer.transport.abort()
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _commands(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()

    async def _replies(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        buffer = b""
        while chunk := await source.read(CHUNK):
            buffer += chunk
            begin = 0
            while (end := end_of_reply(buffer, begin)) is not None:
                if not self._drops(buffer[begin:end]):
                    target.write(buffer[begin:end])
                begin = end
            buffer = buffer[begin:]
            await target.drain()

    def _drops(self, reply: bytes) -> bool:
        if not reply.startswith(b"*3\r\n$7\r\nmessage\r\n"):
            return False
        dropped = self._random.random() < self.loss
        self.dropped += dropped
        self.passed += not dropped
        return dropped


def end_of_reply(buffer: bytes, begin: int = 0) -> int | None:
    """Where the RESP2 reply ends that begins there; None where not all of it has come."""
    line = buffer.find(b"\r\n", begin)
    if line < 0:
        return None
    kind, end = buffer[begin : begin + 1], line + 2
    if kind == b"$" and (length := int(buffer[begin + 1 : line])) >= 0:
        end += length + 2
    elif kind == b"*":
        for _ in range(int(buffer[begin + 1 : line])):
            inner = end_of_reply(buffer, end)
            if inner is None:
                return None
            end = inner
    return end if end <= len(buffer) else None
