"""uvicorn's WebSocket protocol, with a way to send a frame at once.

An ASGI server sends through a coroutine for each message. Where many windows get the same event, that is most of the
work; so the application is handed, as an extension of the scope, a function that writes a frame to the transport. What
is left then is a call of the system for each write; so the frames that one turn of the event loop has for a socket go
out together, at its end.
"""

import asyncio
import logging
import struct
from typing import Any, cast, override
from weakref import WeakKeyDictionary

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request
from websockets.protocol import State

from server.lean import Gate, Inbox
from transports.ws import WRITE

_log = logging.getLogger("transom.sockets")

_TEXT = 0x81
_OPEN = State.OPEN
_SHORT, _LONG = struct.Struct("!BBH"), struct.Struct("!BBQ")
_MOST_HELD = 1 << 16
_LONGEST_GOODBYE = 5.0

LATE = 4408
"""The code for clients that owe something, such as the answer to a ping. They come back after it."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds `transom.write` to the scope's extensions (`transports.ws.Write`)."""

    __slots__ = (
        *("_held", "_held_bytes", "_turn", "_unfinished"),
        *("app", "app_state", "asgi_version", "client", "close_sent", "close_timeout", "close_timer", "config", "conn"),
        *("connections", "curr_msg_data_type", "default_headers", "disconnected", "frames", "handshake_complete"),
        *("handshake_initiated", "initial_response", "last_ping_rtt", "logger", "loop", "pending_ping_payload"),
        *("ping_interval", "ping_sent_at", "ping_timeout", "ping_timer", "pong_timer", "queue", "read_paused"),
        *("request", "response", "root_path", "scheme", "scope", "server", "tasks", "transport", "writable"),
    )  # also what uvicorn's class keeps: more than fits into an object, and the dictionary for it takes 1.6 kB

    @override
    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.queue = cast("asyncio.Queue[ASGIReceiveEvent]", Inbox())
        self.writable = cast("asyncio.Event", Gate())
        self.writable.set()
        self._turn = _Turn.of(self.loop)
        self._held: list[bytes] | None = None
        self._held_bytes = 0
        self._unfinished: list[bytes] | None = None

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[WRITE] = self.write_text

    def write_text(self, payload: bytes) -> bool:
        """Sends one unfragmented text frame (RFC 6455, section 5.2). False while the transport's buffer is full."""
        if self.conn.state is not _OPEN or not self.writable.is_set() or self.transport.is_closing():
            return False
        length = len(payload)
        if length < 126:
            head = bytes((_TEXT, length))
        elif length < 1 << 16:
            head = _SHORT.pack(_TEXT, 126, length)
        else:
            head = _LONG.pack(_TEXT, 127, length)
        if self._held is None:
            self._held, self._held_bytes = [head, payload], length
            self._turn.ends_with(self)
        else:
            self._held += (head, payload)
            self._held_bytes += length
            if self._held_bytes > _MOST_HELD:
                self.release()
        return True

    def release(self) -> None:
        """Writes the frames that wait for the end of the turn; nothing may follow a close frame."""
        held = self._held
        if held is not None:
            self._held, self._held_bytes = None, 0
            if self.conn.state is _OPEN and not self.transport.is_closing():
                self.transport.write(b"".join(held))

    @override
    async def send(self, message: ASGISendEvent) -> None:
        self.release()
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._forget()
        elif message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # as uvicorn says of a bare refusal; it would log an error else

    @override
    def send_keepalive_ping(self) -> None:
        """Pings, unless the client has left the same message unfinished since the last ping."""
        unfinished, self._unfinished = self._unfinished, self.frames or None
        if unfinished is not None and unfinished is self._unfinished:
            self._let_go("a message was not finished")
        else:
            super().send_keepalive_ping()

    @override
    def keepalive_timeout(self) -> None:
        self.pong_timer = None
        self.pending_ping_payload = None
        self._let_go("no answer to pings")

    def _let_go(self, reason: str) -> None:
        """Closes with a code after which clients come back; after uvicorn's 1011 they would not."""
        if self.close_sent or self.transport.is_closing():
            return
        self.release()
        self.conn.fail(LATE, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": LATE, "reason": reason})
        self.transport.close()
        self.loop.call_later(_LONGEST_GOODBYE, self.transport.abort)

    @override
    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Does not leave the connection open for a client that reads no more, not even the end."""
        super().on_task_complete(task)
        if not self.disconnected:
            self.loop.call_later(self.close_timeout + _LONGEST_GOODBYE, self.transport.abort)

    def _forget(self) -> None:
        """Lets go of what the handshake has left: all that the headers said stands in the scope, too."""
        self.request.headers.clear()
        self.response.headers.clear()


class _Turn:
    """The sockets of an event loop that have frames to write when its turn ends."""

    def __init__(self) -> None:
        self._sockets: list[WebSocketProtocol] = []

    @staticmethod
    def of(loop: asyncio.AbstractEventLoop) -> "_Turn":
        """The one of this loop."""
        turn = _turns.get(loop)
        if turn is None:
            turn = _turns[loop] = _Turn()
        return turn

    def ends_with(self, socket: WebSocketProtocol) -> None:
        """Has a socket's frames written at the end."""
        if not self._sockets:
            socket.loop.call_soon(self._end)
        self._sockets.append(socket)

    def _end(self) -> None:
        left = iter(self._sockets)
        self._sockets = []
        while True:
            try:
                for socket in left:
                    socket.release()
                return
            except Exception:
                _log.exception("A socket could not be written to.")


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = WeakKeyDictionary()
