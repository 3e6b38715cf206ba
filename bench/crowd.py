"""The load generator: any number of windows on one core, on plain sockets.

It does the handshakes, subscribes, and then reads as fast as it can. A frame that looks like the one before it is not
decoded: where a socket gives several at once, their heads are compared all together, and of the payloads only the
numbers at both ends are read. That is enough to know that every window got every number once and in order.

The latency of a delta is from the moment when it was due at the publisher to the moment when it was read here. Of
several that are read at once, all count with the latency of the first, which waited longest.
"""

import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress

import orjson

BUCKET = 100
"""Microseconds of one step of the latencies that are kept."""
BUCKETS = 100_000
OPENING = 64
"""Windows that are being opened at once, unless it is a storm that is measured."""
READ = 1 << 16

TAIL = len('"}}}}')
NUMBER = slice(-TAIL - 25, -TAIL - 18)
STAMP = slice(-TAIL - 17, -TAIL - 1)

DOCUMENT = (
    "subscription($id: ID!) { session(id: $id) { __typename"
    " ... on TextDelta { runId messageId index offset text } ... on Reset { reason } } }"
)

_UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
_PING, _CLOSE = 0x89, 0x88


class Broken(Exception):
    """A window was told something else than what was published, or was cut off."""


def now() -> int:
    """Microseconds of the monotonic clock."""
    return time.monotonic_ns() // 1000


def framed(payload: bytes, opcode: int = 0x81) -> bytes:
    """A frame of a client (RFC 6455, section 5.2). Its mask is zero, so that the payload stands there as it is."""
    length = len(payload)
    head = struct.pack("!BB", opcode, 0x80 | length) if length < 126 else struct.pack("!BBH", opcode, 0xFE, length)
    return head + b"\0\0\0\0" + payload


def message(kind: str, **rest: object) -> bytes:
    """A message of the graphql-transport-ws protocol, framed."""
    return framed(orjson.dumps({"type": kind, **rest}))


class Window:
    """One socket, with one subscription or several."""

    __slots__ = ("_head", "_length", "caught_up", "crowd", "ids", "last", "rest", "socket", "stage")

    def __init__(self, crowd: "Crowd", ids: Sequence[str]) -> None:
        self.crowd = crowd
        self.ids = ids
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", crowd.port))
        self.socket.sendall(_UPGRADE)
        self.socket.setblocking(False)
        self.stage = self._upgraded
        self.rest = b""
        self.last = 0
        """The last number that came."""
        self.caught_up = 0
        """Subscriptions that have been told so."""
        self._length = 1 << 62  # of the frames of deltas, when one has come
        self._head = b""

    def read(self, data: bytes) -> None:
        """Takes what the socket gave."""
        if self.rest:
            data = self.rest + data
            self.rest = b""
        self.stage(data)

    def _upgraded(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.rest = data
            return
        if not data.startswith(b"HTTP/1.1 101"):
            raise Broken(data[:200].decode(errors="replace"))
        self.socket.sendall(message("connection_init"))
        self.stage = self._acknowledged
        if len(data) > end + 4:
            self.stage(data[end + 4 :])

    def _acknowledged(self, data: bytes) -> None:
        self._walk(data, self._acknowledge)

    def _acknowledge(self, payload: bytes) -> None:
        if b"connection_ack" in payload:
            for number, id_ in enumerate(self.ids, start=1):
                asked = {"query": self.crowd.document, "variables": {"id": id_}}
                self.socket.sendall(message("subscribe", id=str(number), payload=asked))
            self.stage = self._told
            self.crowd.subscribed += 1

    def _told(self, data: bytes) -> None:
        """Frames of deltas, and now and then another one."""
        length = self._length
        size = len(data)
        if size % length == 0 and data.startswith(self._head):
            many = size // length
            if many == 1 or self._alike(data, length, many):
                self._deltas(data, length, many)
                return
        self._walk(data, self._event)

    def _alike(self, data: bytes, length: int, many: int) -> bool:
        """Whether the data are so many frames with the same head."""
        return all(data[place::length] == bytes((byte,)) * many for place, byte in enumerate(self._head))

    def _deltas(self, data: bytes, length: int, many: int) -> None:
        first = int(data[length + NUMBER.start : length + NUMBER.stop])
        last = int(data[NUMBER])
        if first != self.last + 1 or last != self.last + many:
            raise Broken(f"After {self.last} came {first} to {last} in {many} frames.")
        self.last = last
        self.crowd.took(first, int(data[length + STAMP.start : length + STAMP.stop]), many)

    def _event(self, payload: bytes) -> None:
        if b'"TextDelta"' in payload:
            number = int(payload[NUMBER])
            if number != self.last + 1:
                raise Broken(f"After {self.last} came {number}.")
            self.last = number
            self.crowd.took(number, int(payload[STAMP]), 1)
            size = len(payload)
            self._head = bytes((0x81, size)) if size < 126 else struct.pack("!BBH", 0x81, 126, size)
            self._length = size + len(self._head)
        elif b'"CaughtUp"' in payload:
            self.caught_up += 1
            self.crowd.complete += self.caught_up == len(self.ids)
        elif payload == b'{"type":"ping"}':
            self.socket.sendall(message("pong"))
        elif b'"next"' not in payload or b'"errors"' in payload or b'"Reset"' in payload:
            raise Broken(payload[:300].decode(errors="replace"))

    def _walk(self, data: bytes, take: Callable[[bytes], None]) -> None:
        """Every whole frame, one after the other; keeps what is left."""
        place, size = 0, len(data)
        while size - place >= 2:
            first, length, start = data[place], data[place + 1], place + 2
            if length == 126:
                length, start = int.from_bytes(data[start : start + 2]), start + 2
            elif length == 127:
                length, start = int.from_bytes(data[start : start + 8]), start + 8
            if start + length > size:
                break
            payload = data[start : start + length]
            place = start + length
            if first == _PING:
                self.socket.sendall(framed(payload, 0x8A))
            elif first == _CLOSE:
                raise Broken(f"closed: {payload!r}")
            elif first == 0x81:
                take(payload)
                if take is not self._event and self.stage == self._told:
                    take = self._event
        self.rest = data[place:]


class Crowd:
    """All windows at one port. `document` takes the id of a session as `$id`; `tells`: windows hear of `CaughtUp`."""

    def __init__(self, port: int, document: str = DOCUMENT, *, tells: bool = False) -> None:
        self.port = port
        self.tells = tells
        self.document = document
        self.windows: list[Window] = []
        self.subscribed = 0
        self.complete = 0
        """Windows that have caught up with all their sessions."""
        self.deliveries = 0
        self.first = 0
        """The number from which latencies count."""
        self.latencies = array("Q", bytes(8 * BUCKETS))
        self._epoll = select.epoll()
        self._by_number: dict[int, Window] = {}

    def open(self, sessions: Sequence[Sequence[str]]) -> None:
        """One window for each item: the ids of the sessions that it subscribes to.

        Returns when all have asked, and, if they are told so, have caught up.
        """
        opened = self.opened
        for asked, ids in enumerate(sessions, start=1):
            self._open(ids)
            while opened + asked - self.opened >= OPENING:
                self.pump(0.1)
        self.until(lambda: self.opened == opened + len(sessions), 120)

    @property
    def opened(self) -> int:
        """How many windows follow their sessions, as far as is known."""
        return self.complete if self.tells else self.subscribed

    def come(self, sessions: Sequence[Sequence[str]]) -> None:
        """As `open`, all at once, and without waiting for anything."""
        for ids in sessions:
            self._open(ids)

    def _open(self, ids: Sequence[str]) -> Window:
        window = Window(self, ids)
        self.windows.append(window)
        self._by_number[window.socket.fileno()] = window
        self._epoll.register(window.socket, select.EPOLLIN)
        return window

    def pump(self, seconds: float) -> None:
        """Reads what there is; waits for so long at most if there is nothing."""
        windows = self._by_number
        for number, _ in self._epoll.poll(seconds, 8192):
            window = windows[number]
            try:
                data = window.socket.recv(READ)
            except BlockingIOError:
                continue
            if not data:
                raise Broken("a window was cut off")
            window.read(data)

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Reads until the condition holds.

        Raises:
            TimeoutError: it did not within so many seconds.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError
            self.pump(0.05)

    def took(self, number: int, stamp: int, many: int) -> None:
        """Notes that deltas came, the first of which has this number and was due at `stamp`.

        Raises:
            Broken: it came before it was due, so the publisher does not keep to its moments.
        """
        self.deliveries += many
        if number >= self.first:
            late = (time.monotonic_ns() // 1000 - stamp) // BUCKET
            if late < 0:
                raise Broken(f"{number} came before it was due.")
            self.latencies[late if late < BUCKETS else BUCKETS - 1] += many

    def begin(self, first: int = 0) -> None:
        """Counts anew: numbers begin at 1 again, and latencies count from the number `first`."""
        self.first = first
        self.deliveries = 0
        self.latencies = array("Q", bytes(8 * BUCKETS))
        for window in self.windows:
            window.last = 0

    def percentile(self, share: float) -> float:
        """Of the latencies, in milliseconds; infinite where there are none."""
        wanted, found = share * sum(self.latencies), 0
        for bucket, many in enumerate(self.latencies):
            found += many
            if found and found >= wanted:
                return (bucket + 1) * BUCKET / 1000
        return float("inf")

    def close(self) -> None:
        """Leaves without a word."""
        for window in self.windows:
            with suppress(OSError):
                window.socket.close()
        self._epoll.close()
