"""A TCP or Unix-socket proxy that does what networks do: delays, cuts, resets, and dies without a word."""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import Enum
from pathlib import Path
from ssl import SSLContext
from typing import Self

type Address = tuple[str, int] | Path

CHUNK = 1 << 16


class Mood(Enum):
    """What becomes of connections that come in."""

    PASSING = "they are passed on"
    REFUSING = "they are closed at once"
    SWALLOWING = "they are accepted, and nothing ever comes of them"


class Proxy:
    """Stands between a client and `upstream`: a host and port, or the path of a Unix socket.

    An async context manager that listens on a free loopback port, with `tls` if given, or on the Unix socket `at`.
    `accepted` counts the connections that came in; `latency` is in seconds, each way, and may be changed at any time.
    """

    def __init__(self, upstream: Address, *, at: Path | None = None, tls: SSLContext | None = None) -> None:
        self.upstream = upstream
        self.at = at
        self.tls = tls
        self.latency = 0.0
        self.accepted = 0
        self.port = 0
        self._mood = Mood.PASSING
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        if self.at:
            self._server = await asyncio.start_unix_server(self._accept, self.at)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """Connections now passed on or swallowed."""
        return len(self._pairs)

    def cut(self) -> None:
        """Close all connections and every new one, until `mend`."""
        self._mood = Mood.REFUSING
        for pair in self._pairs:
            pair.close()

    def reset(self) -> None:
        """Abort all connections (RST where there is TCP); new ones are passed on."""
        for pair in self._pairs:
            pair.reset()

    def half_open(self) -> None:
        """Swallow all bytes, both ways, of all connections and of every new one, until `mend`."""
        self._mood = Mood.SWALLOWING
        for pair in self._pairs:
            pair.swallowing = True

    def stall(self) -> None:
        """Read nothing more from the connections there are: what is sent to them piles up at the sender."""
        for pair in self._pairs:
            pair.stalled = True

    def mend(self) -> None:
        """Pass new connections on. What has lost bytes stays silent: a dead connection does not come back."""
        self._mood = Mood.PASSING

    def inject(self, data: bytes) -> None:
        """Send `data` to every client, as if it came from upstream."""
        for pair in self._pairs:
            pair.client.write(data)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if self._mood is not Mood.REFUSING:
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the proxy is closing; a cancelled handler would be reported by the server
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        swallowing = self._mood is Mood.SWALLOWING
        try:
            if isinstance(self.upstream, Path):
                far_reader, far_writer = await asyncio.open_unix_connection(self.upstream)
            else:
                far_reader, far_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            return
        pair = _Pair(self, writer, far_writer, swallowing=swallowing)
        self._pairs.add(pair)
        try:
            await asyncio.gather(pair.pump(reader, far_writer), pair.pump(far_reader, writer))
        finally:
            self._pairs.discard(pair)
            far_writer.transport.abort()
            with suppress(OSError):
                await far_writer.wait_closed()


class _Pair:
    """The two sockets of one connection."""

    def __init__(
        self, proxy: Proxy, client: asyncio.StreamWriter, upstream: asyncio.StreamWriter, *, swallowing: bool
    ) -> None:
        self.proxy = proxy
        self.client = client
        self.upstream = upstream
        self.swallowing = swallowing
        self.stalled = False

    async def pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                if self.proxy.latency:
                    await asyncio.sleep(self.proxy.latency)
                if not self.swallowing:
                    target.write(chunk)
                    await target.drain()
                if self.stalled:
                    await asyncio.Event().wait()
        if not self.swallowing:
            target.close()

    def close(self) -> None:
        self.client.close()
        self.upstream.close()

    def reset(self) -> None:
        for writer in (self.client, self.upstream):
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
