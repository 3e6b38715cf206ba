"""uvicorn's WebSocket protocol, with a way to send a frame at once.

An ASGI server sends through a coroutine for each message. Where many windows get the same event, that is most of the
work; so the application is handed, as an extension of the scope, a function that writes a frame to the transport.
"""

import struct
from typing import cast, override

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from server.graphql.ws import WRITE

_TEXT = 0x81
_SHORT, _LONG = struct.Struct("!BBH"), struct.Struct("!BBQ")


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds `transom.write` to the scope's extensions (`server.graphql.ws.Write`)."""

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
        self.transport.write(head + payload)
        return True
