"""uvicorn's HTTP protocol, for which a connection may not be held open by whoever sends half of something.

Nor may a head have any size.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override
from weakref import WeakKeyDictionary

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from server import lengths
from server.deadlines import Deadlines


@dataclass(frozen=True, slots=True)
class Patience:
    """How long clients are waited for, in seconds."""

    head: float = 10.0
    """For the head of a request, from the connection or from its first byte."""
    body: float = 10.0
    """For a body, or for it to go on; `pace` bytes of it add a second, up to this time from now."""
    pace: float = 2_000.0
    reading: float = 60.0
    """For a client that reads nothing of its answer."""
    most: int = 1_000
    """Connections that are waited for at once, in one process; those that have waited for longest are closed."""
    step: float = 0.5
    """Between two looks at the clock."""


LONGEST_HEAD = 64_000
"""Bytes of a request's address and headers. httptools reads no address beyond 65,535."""


PATIENCE = Patience()


class HTTPProtocol(HttpToolsProtocol):
    """Ends what does not arrive in time with 408, and takes the host from the address where that names one."""

    patience = PATIENCE

    @override
    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadlines = _deadlines(self.loop, self.patience)
        self._upgraded = False
        self._head = 0  # bytes of a head that is not whole

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadlines.set(self, self.patience.head)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._deadlines.clear(self)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        was_body, was_whole = self._awaits_body, self._head_is_whole
        super().data_received(data)
        self._head = 0 if was_whole or self._head_is_whole else self._head + len(data)
        if self._head > LONGEST_HEAD and not self.transport.is_closing():
            self._refuse_head()
            return
        if self._upgraded or self.flow.write_paused:
            return  # others look after it, or it is another deadline that counts
        if self._awaits_body:
            if was_body and self in self._deadlines:
                self._deadlines.extend(self, len(data) / self.patience.pace, self.patience.body)
            else:
                self._deadlines.set(self, self.patience.body)
        elif not self._awaits_head:
            self._deadlines.clear(self)
        elif was_body or self not in self._deadlines:
            self._deadlines.set(self, self.patience.head)

    @property
    def _answer(self) -> RequestResponseCycle | None:
        """The answer to the last request whose head has come."""
        return self.cycle

    @property
    def _head_is_whole(self) -> bool:
        """Whether the head of the last request has come; of none, it has not."""
        head: Mapping[str, object] | None = self.scope
        return head is not None and "method" in head

    @property
    def _awaits_body(self) -> bool:
        return self._answer is not None and self._answer.more_body and self._head_is_whole

    @property
    def _awaits_head(self) -> bool:
        """Whether the client has to say something, and no timer of uvicorn's waits for it."""
        if self._answer is not None and not self._answer.response_complete:
            return False
        return not self._head_is_whole or self.timeout_keep_alive_task is None

    @override
    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LONGEST_HEAD:
            self._refuse_head()
            raise ValueError("The parser must not go on.")
        if not self.url.startswith((b"/", b"*")):
            self._take_host()
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0" and self._answer is not None:
            lengths.Unchunked.make(self._answer)

    def _refuse_head(self) -> None:
        """Ends the connection: with 431, unless that would come within the answer to another request."""
        if self._answer is None or self._answer.response_complete:
            self.transport.write(_TOO_LONG)
        self.transport.close()

    @override
    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _take_host(self) -> None:
        """An address with a host counts for more than `Host` (RFC 9112, section 3.2.2)."""
        url = httptools.parse_url(self.url)
        if url.host is None:
            return
        host = b"[%b]" % url.host if b":" in url.host else url.host
        if url.port is not None:
            host += b":%d" % url.port
        self.headers[:] = [(b"host", host), *(header for header in self.headers if header[0] != b"host")]
        self.url = (url.path or b"/") + (b"?" + url.query if url.query else b"")

    @override
    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        self._deadlines.clear(self)
        # Nobody reads cookies, and on localhost those of all programs there may be more than a handshake can have.
        self.headers[:] = [header for header in self.headers if header[0] != b"cookie"]
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        assert isinstance(protocol, WebSocketsSansIOProtocol)
        if protocol.conn.handshake_exc is not None and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)  # uvicorn would leave it without an answer
            self.transport.close()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._deadlines.set(self, self.patience.reading)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._deadlines.clear(self)

    def give_up(self) -> None:
        """Ends the connection: with 408, where the client may still read an answer."""
        if self.flow.write_paused:
            self.transport.abort()
            return
        if self.transport.is_closing():
            return
        if self.flow.read_paused:  # it is us who do not read
            self._deadlines.set(self, self.patience.body)
            return
        answer, begun = self._answer, hasattr(self, "url") and not self._head_is_whole
        if begun or (self._awaits_body and answer is not None and not answer.response_started):
            self.transport.write(_TOO_LATE)
        if answer is not None and not answer.response_complete:
            answer.disconnected = True
            answer.message_event.set()
        self.transport.close()


def _last_words(status: int, reason: bytes) -> bytes:
    head = b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (STATUS_LINE[status], len(reason)) + reason


_TOO_LATE = _last_words(408, b"The request did not arrive in time. Send it again, whole.\n")
_TOO_LONG = _last_words(
    431, f"The address and headers have more than {LONGEST_HEAD:,} bytes. Send what is long in a body.\n".encode()
)

_TOO_LARGE = _last_words(
    431,
    b"The handshake of a WebSocket has at most 128 headers, and at most 8,000 bytes in its address and in each header. "
    b"Send a long token in the payload of 'connection_init'.\n",
)

_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Patience, Deadlines]] = WeakKeyDictionary()


def _deadlines(loop: asyncio.AbstractEventLoop, patience: Patience) -> Deadlines:
    """Those of a loop's connections."""
    kept = _of_loops.setdefault(loop, {})
    if patience not in kept:
        kept[patience] = Deadlines(patience.step, patience.most)
    return kept[patience]


def patient(patience: Patience) -> type[HTTPProtocol]:
    """The protocol with other times."""
    return type("HTTPProtocol", (HTTPProtocol,), {"patience": patience})
