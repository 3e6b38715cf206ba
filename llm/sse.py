"""Event streams, from bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream."""

from collections.abc import Iterator

LARGEST = 32_000_000
"""Bytes that one event may have: a picture goes in one."""


class TooLarge(Exception):
    """An event has more than `LARGEST` bytes."""


class EventStream:
    """Splits a body into the data of its events.

    Comments, and events without data, are nothing: they only keep the connection open. `id` and `retry` are for
    clients that connect again, and an event's name repeats what its data says.
    """

    __slots__ = ("_data", "_rest", "_returned")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._returned = False  # the last byte was a carriage return: a line feed behind it is the same line's end

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of the events that end in this chunk, UTF-8.

        Raises:
            TooLarge: an event does not end.
        """
        if self._returned and chunk:
            self._returned = False
            chunk = chunk.removeprefix(b"\n")
        body = self._rest + chunk if self._rest else chunk
        lines = body.splitlines()
        if lines and not body.endswith((b"\n", b"\r")):
            self._rest = lines.pop()
            if len(self._rest) > LARGEST:
                raise TooLarge
        else:
            self._rest = b""
            self._returned = body.endswith(b"\r")
        for line in lines:
            if line:
                self._field(line)
            elif (data := self._take()) is not None:
                yield data

    def end(self) -> bytes | None:
        """The data of an event that the end of the body has cut off; some servers leave its empty line out."""
        if self._rest:
            self._field(self._rest)
        return self._take()

    def _field(self, line: bytes) -> None:
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))

    def _take(self) -> bytes | None:
        if not self._data:
            return None
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        return data or None
