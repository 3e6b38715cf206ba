"""One connection to a provider: what is asked on it, and the answer as its bytes arrive."""

import asyncio
import select
from collections.abc import Callable
from typing import cast, override

import httptools
import httpx2

MOST = 1 << 20
"""Bytes of a body that wait to be read before the provider is held back."""


class Reading(asyncio.Protocol):
    """Answers, one after the other."""

    def __init__(self, living: "set[Reading]") -> None:
        self._living = living
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._silence: float | None = None
        self._heard = 0.0
        self._lost = False
        self._gone: Callable[[], None] | None = None
        """What to call when the connection, which nobody uses, is of no use any more."""
        self._begun = self._complete = self._paused = False
        self._keeps = False
        """Whether the provider takes another request on it."""
        self._until_end = False
        """Whether a body ends where the connection does."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def is_reusable(self) -> bool:
        """Whether the answer has been read to its end, and another may be asked for."""
        return self._complete and self._keeps and not self._chunks and not self._lost

    def rests(self) -> bool:
        """Whether the connection, which nobody has used, can be used: nothing has come, not even its end."""
        self._end_timer()
        self._gone = None
        if self._lost or self._transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def rest(self, seconds: float, then: Callable[[], None]) -> None:
        """Nobody uses it; calls `then` if nobody does for so long, or the provider closes it."""
        self._parser, self._gone = None, then
        self._timer = self._loop.call_later(seconds, then)

    def abort(self) -> None:
        """Closes it at once."""
        self._end_timer()
        self._transport.abort()

    async def ask(self, told: bytes, silence: float | None) -> None:
        """Sends a request, and returns when the head of its answer is there.

        Raises:
            httpx2.TransportError: the answer did not come: `ReadTimeout` where no byte came for `silence` seconds.
        """
        self._parser = httptools.HttpResponseParser(self)
        self._begun = self._complete = self._keeps = False
        self.status = 0
        self._silence = silence
        self._transport.write(told)
        if silence is not None:
            self._timer = self._loop.call_later(silence, self._listen)
        while not self._begun:
            await self._more()

    async def read(self) -> bytes:
        """What has come of the body; nothing at its end. Raises as `ask` does."""
        while not self._chunks:
            if self._complete:
                return b""
            await self._more()
        chunks, self._chunks, self._size = self._chunks, [], 0
        if self._paused:
            self._paused = False
            if not self._lost:
                self._transport.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._heard = self._loop.time()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._complete:
            self._error = self._error or error
        self._tell()

    def _listen(self) -> None:
        """Ends an answer of which nothing has come for too long, while somebody waits for it."""
        assert self._silence is not None
        left = self._heard + self._silence - self._loop.time() if self._waiter is not None else self._silence
        if left > 0:
            self._timer = self._loop.call_later(left, self._listen)
        else:
            self._fail(httpx2.ReadTimeout("Nothing has come for too long."))
            self._transport.abort()

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # asyncio.Protocol

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._living.add(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._parser is None or self._complete:
            self._keeps = False  # nobody has asked
            self._transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx2.RemoteProtocolError(str(error)))
            self._transport.abort()
        self._tell()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._living.discard(self)
        self._end_timer()
        if self._gone is not None:
            self._gone()
        if exc is None and self._begun and self._until_end:
            self._complete = True
        self._fail(
            httpx2.ReadError(str(exc))
            if exc is not None
            else httpx2.RemoteProtocolError("The provider closed the connection before its answer was complete.")
        )

    # httptools

    def on_message_begin(self) -> None:
        """A head begins, perhaps that of another answer than the last one."""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status >= 200:  # before, it only says that it goes on
            self.status, self._begun = status, True
            self._until_end = not any(
                name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers
            )

    def on_body(self, body: bytes) -> None:
        """More of the body."""
        self._chunks.append(body)
        self._size += len(body)
        if self._size > MOST and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The body is complete."""
        if self._begun:
            assert self._parser is not None
            self._keeps = self._parser.should_keep_alive()
            self._complete = True
            self._end_timer()
