"""One connection to Redis that keeps itself up, and notices within three seconds that it is not."""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, Final

import hiredis
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from pubsub.wire import PING, pack

log = logging.getLogger("transom.pubsub")

DIAL_SECONDS: Final = 2.0
PULSE_SECONDS: Final = 0.5
# Counted in pulses, not by the clock, so that a process which was busy itself does not blame the link.
SILENT_PULSES: Final = 4
STEADY_SECONDS: Final = 5.0
LEAST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
CHUNK: Final = 1 << 16


class Link(ABC):
    """Dials, reads replies, pings, and dials again; what is said on the link is the subclass's."""

    def __init__(self, url: str, name: str, to: str) -> None:
        self._told_as = f"{name} link to {to}"
        self.changed_at = 0.0
        self._url = url
        self._up = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._silence = 0
        self._reported: bool | None = None

    @property
    def up(self) -> bool:
        """Whether the link stands, as far as is known."""
        return self._writer is not None

    async def wait_up(self, seconds: float) -> None:
        """Return when the link stands, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._up.wait()

    async def keep_up(self) -> None:
        """Hold the link until cancelled: every failure is followed by a pause, up to two seconds and jittered."""
        loop = asyncio.get_running_loop()
        self.changed_at = loop.time()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._live()
            except Exception as error:
                self._report(up=False, reason=error)
            failures = 1 if loop.time() - began > STEADY_SECONDS else failures + 1
            await asyncio.sleep(pause_after(failures))

    @abstractmethod
    def _opened(self) -> None:
        """Say what has to be said on a new connection."""

    @abstractmethod
    def _received(self, reply: Any) -> None:
        """Take one reply, in the order of the commands; raise to give the connection up."""

    def _refused(self, error: hiredis.ReplyError) -> None:
        """Take an error that answers a command; raise to give the connection up."""
        raise error

    @abstractmethod
    def _closed(self) -> None:
        """Take back what the lost connection has not confirmed."""

    def _send(self, commands: bytes) -> None:
        if self._writer:
            self._writer.write(commands)

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await dial(self._url)
        self._writer, self._silence, self.changed_at = writer, 0, loop.time()
        self._next_pulse = loop.call_later(PULSE_SECONDS, self._pulse, reader)
        try:
            self._report(up=True)
            self._opened()
            self._up.set()
            await self._read(reader)
        finally:
            self._writer, self.changed_at = None, loop.time()
            self._up.clear()
            self._closed()
            self._next_pulse.cancel()
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        replies = hiredis.Reader()
        while chunk := await reader.read(CHUNK):
            self._silence = 0
            replies.feed(chunk)
            while (reply := replies.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    self._refused(reply)
                else:
                    self._received(reply)
        raise ConnectionResetError("closed by the server")

    def _pulse(self, reader: asyncio.StreamReader) -> None:
        if self._silence == SILENT_PULSES:
            reader.set_exception(TimeoutError(f"silent for {SILENT_PULSES * PULSE_SECONDS:g} s"))
            return
        self._silence += 1
        self._send(pack(PING))
        self._next_pulse = asyncio.get_running_loop().call_later(PULSE_SECONDS, self._pulse, reader)

    def _report(self, *, up: bool, reason: Exception | None = None) -> None:
        if up is self._reported:
            return
        self._reported = up
        if up:
            log.info("the %s is up", self._told_as)
        else:
            log.warning("the %s is down: %s: %s", self._told_as, type(reason).__name__, reason)


def pause_after(failures: int) -> float:
    """How many seconds to wait after so many failures in a row."""
    return min(LEAST_PAUSE * (1 << min(failures, 10)), LONGEST_PAUSE) * random.uniform(0.5, 1)


def options_of(url: str) -> tuple[type[AbstractConnection], dict[str, Any]]:
    """Read `redis://`, `rediss://` or `unix://` into a kind of connection and its options.

    Raises:
        ValueError: the URL has another scheme, or an option that does not fit.
    """
    options: dict[str, Any] = dict(parse_url(url))
    kind = options.pop("connection_class", Connection)
    # RESP2, where a published message is a plain reply; our own pulse in place of the library's timeouts.
    return kind, options | {"protocol": 2, "socket_timeout": None, "socket_connect_timeout": DIAL_SECONDS}


def connection_to(url: str) -> AbstractConnection:
    """A connection of redis-py, not yet made."""
    kind, options = options_of(url)
    return kind(**options, driver_info=None)


async def dial(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, authenticate and hear a first answer, within two seconds.

    Raises:
        OSError, redis.RedisError, TimeoutError: Redis was not reached, or refused.
    """
    connection = connection_to(url)
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("PING")  # An open port alone is no Redis.
            await connection.read_response()
        reader, writer = connection._reader, connection._writer
        if reader is None or writer is None:
            raise ConnectionResetError("closed while connecting")
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    # The streams are ours from here, or the connection would reopen itself behind our back.
    connection._reader = connection._writer = None
    return reader, writer
