"""The ceiling of the load generator: plain sockets that are sent ready frames, with as little Python as can be."""

import asyncio
import base64
import hashlib
import re
import struct
from collections import defaultdict
from typing import cast

import uvloop

from bench.peers import control
from bench.peers.frames import next_text
from bench.peers.listening import listen

windows: dict[str, list[asyncio.WriteTransport]] = defaultdict(list)
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


def framed(text: str) -> bytes:
    """A text frame of the server."""
    payload = text.encode()
    head = bytes((0x81, len(payload))) if len(payload) < 126 else struct.pack("!BBH", 0x81, 126, len(payload))
    return head + payload


class Window(asyncio.Protocol):
    """One connection. It knows just enough of what the load generator says."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)
        self.joined: list[asyncio.WriteTransport] = []

    def data_received(self, data: bytes) -> None:
        if key := re.search(rb"(?i)sec-websocket-key: (\S+)", data):
            accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            )
        elif b"connection_init" in data:
            self.transport.write(framed('{"type":"connection_ack"}'))
        elif found := re.search(rb'"variables":\{"id":"([^"]+)"', data):
            self.joined = windows[found[1].decode()]
            self.joined.append(self.transport)

    def connection_lost(self, _: Exception | None) -> None:
        if self.joined:
            self.joined.remove(self.transport)


def publish(session: int, number: int, stamp: int) -> None:
    id_ = control.id_of(session)
    frame = framed(next_text(id_, number, control.text(number, stamp)))
    for transport in windows[id_]:
        transport.write(frame)


async def main() -> None:
    listening = listen()
    server = await asyncio.get_running_loop().create_server(Window, sock=listening)

    async def prepare(sessions: int) -> dict[str, object]:
        return {"ids": [control.id_of(place) for place in range(sessions)]}

    async def tell(sessions: int, rate: float, count: int) -> dict[str, object]:
        return {**await control.paced(sessions, rate, count, publish)}

    control.say(port=listening.getsockname()[1])
    await control.obey({"prepare": prepare, "publish": tell})
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
