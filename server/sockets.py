"""uvicorn's WebSocket protocol, with a way to send a frame at once.

An ASGI server sends through a coroutine for each message. Where many windows get the same event, that is most of the
work; so the application is handed, as an extension of the scope, a function that writes a frame to the transport. What
is left then is a call of the system for each write; so the frames that one turn of the event loop has for a socket go
out together, at its end.
"""

import asyncio
import struct
from typing import cast, override

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from server.graphql.ws import WRITE

_TEXT = 0x81
_SHORT, _LONG = struct.Struct("!BBH"), struct.Struct("!BBQ")
_MOST_HELD = 1 << 16


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds `transom.write` to the scope's extensions (`server.graphql.ws.Write`)."""

    _held: tuple[bytes, ...] | list[bytes] = ()
    _held_bytes = 0

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[WRITE] = self.write_text

    def write_text(self, payload: bytes) -> bool:
        """Sends one unfragmented text frame (RFC 6455, section 5.2). False while the transport's buffer is full."""
        if not self.writable.is_set() or self.conn.state is not State.OPEN or self.transport.is_closing():
            return False
        length = len(payload)
        if length < 126:
            head = bytes((_TEXT, length))
        elif length < 1 << 16:
            head = _SHORT.pack(_TEXT, 126, length)
        else:
            head = _LONG.pack(_TEXT, 127, length)
        if self._held:
            cast("list[bytes]", self._held).append(head + payload)
        else:
            self._held = [head + payload]
            asyncio.get_running_loop().call_soon(self._release)
        self._held_bytes += length
        if self._held_bytes > _MOST_HELD:
            self._release()
        return True

    def _release(self) -> None:
        """Writes the frames that wait for the end of the turn; nothing may follow a close frame."""
        held, self._held, self._held_bytes = self._held, (), 0
        if held and self.conn.state is State.OPEN and not self.transport.is_closing():
            self.transport.write(b"".join(held))

    @override
    async def send(self, message: ASGISendEvent) -> None:
        self._release()
        await super().send(message)
