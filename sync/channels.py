"""What travels on the bus: where, and in which form.

A doorbell says that a scope has come to a number; what changed stands in the rows. A frame carries journaled events,
so that tokens need no read. Either may get lost: numbers tell, and rows and journal have everything.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from pubsub.bus import Bus
from sync.cursors import ScopeKind

QUEUED = "transom:runs:queued"
"""The channel on which a process says, with its own name, that it has queued a run."""
STOPS = "transom:runs:stops"
"""The channel on which runs are asked to stop; the payload is their ids, 16 bytes each."""

CHOSEN = "chosen"
"""The kind of signal that says that a member has chosen another branch."""
PROGRESS = "progress"
"""The kind of signal that says how far a model has read what it was told."""

_RING, _SIGNAL, _TOKENS = b"h", b"s", b"f"
_HEAD = struct.Struct(">cQ")
_FRAME = struct.Struct(">c16s16sIQ")
_NUMBERS = struct.Struct(">IQ")


def channel(kind: ScopeKind, scope_id: UUID) -> str:
    """The channel of a scope."""
    return f"transom:{kind.name.lower()}:{scope_id.hex}"


@dataclass(slots=True)
class Frame:
    """Consecutive journaled events of a run; `seq` is the number of the first. Nobody changes it."""

    run_id: UUID
    message_id: UUID
    epoch: int
    seq: int
    events: list[list[Any]]

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.seq + len(self.events) - 1


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that is said and never stored.

    It is `who`, `here`, `gone`, `typing`, `still` (not typing any more), `progress` (of reading) or `chosen`.
    Only `chosen` (another branch) is also in the rows.
    """

    kind: str
    window_id: UUID | None = None
    user_id: UUID | None = None
    client: str | None = None
    run_id: UUID | None = None
    read: int = 0
    total: int = 0
    """Of a run's `progress`: tokens that its model has read, and of how many."""
    compacting: bool = False
    """Of a run's `progress`: whether that is for a compaction, before the reply."""


def who() -> bytes:
    """Asks every window of the session to announce itself."""
    return _SIGNAL + orjson.dumps({"kind": "who"})


def here(window_id: UUID, user_id: UUID, client: str | None) -> bytes:
    """Announces a window."""
    return _SIGNAL + orjson.dumps({"kind": "here", "window": window_id.hex, "user": user_id.hex, "client": client})


def gone(window_id: UUID) -> bytes:
    """Says that a window has gone."""
    return _SIGNAL + orjson.dumps({"kind": "gone", "window": window_id.hex})


def chosen(bus: Bus, session_id: UUID, user_id: UUID) -> None:
    """Says that a member has chosen another branch of a session."""
    bus.publish(channel(ScopeKind.SESSION, session_id), _SIGNAL + orjson.dumps({"kind": CHOSEN, "user": user_id.hex}))


def typing(bus: Bus, session_id: UUID, user_id: UUID, client: str | None, *, now: bool) -> None:
    """Says that someone is typing, or not any more."""
    kind = "typing" if now else "still"
    signal = _SIGNAL + orjson.dumps({"kind": kind, "user": user_id.hex, "client": client})
    bus.publish(channel(ScopeKind.SESSION, session_id), signal)


def progress(bus: Bus, session_id: UUID, run_id: UUID, read: int, total: int, *, compacting: bool = False) -> None:
    """Says how far the model of a run has read what it was told."""
    said = {"kind": PROGRESS, "run": run_id.hex, "read": read, "total": total, "compacting": compacting}
    bus.publish(channel(ScopeKind.SESSION, session_id), _SIGNAL + orjson.dumps(said))


def ring(bus: Bus, kind: ScopeKind, scope_id: UUID, head: int) -> None:
    """Says that a scope has come to `head`."""
    bus.publish(channel(kind, scope_id), _HEAD.pack(_RING, head))


@dataclass(frozen=True, slots=True)
class Line:
    """The way of a run's frames: their channel, and what they all begin with."""

    channel: str
    head: bytes

    @classmethod
    def of(cls, session_id: UUID, run_id: UUID, message_id: UUID) -> "Line":
        """The way of the frames of a run that writes this message of this session."""
        return cls(channel(ScopeKind.SESSION, session_id), _TOKENS + run_id.bytes + message_id.bytes)


def send(bus: Bus, line: Line, epoch: int, seq: int, events: bytes) -> None:
    """Carries events (a JSON array) that have just been journaled."""
    bus.publish(line.channel, line.head + _NUMBERS.pack(epoch, seq) + events)


def queued(bus: Bus, process_id: str) -> None:
    """Says that a run may be waiting to be claimed."""
    bus.publish(QUEUED, process_id.encode())


def stop(bus: Bus, run_ids: Sequence[UUID]) -> None:
    """Asks whoever produces these runs to stop."""
    if run_ids:
        bus.publish(STOPS, b"".join(run_id.bytes for run_id in run_ids))


def stopped(payload: bytes) -> list[UUID]:
    """The runs that a message on `STOPS` names."""
    return [UUID(bytes=payload[start : start + 16]) for start in range(0, len(payload), 16)]


def read(payload: bytes) -> int | Frame | Signal:
    """The head of a doorbell, a frame, or a signal."""
    kind = payload[:1]
    if kind == _TOKENS:
        _, run_id, message_id, epoch, seq = _FRAME.unpack_from(payload)
        return Frame(_id(run_id), _id(message_id), epoch, seq, orjson.loads(payload[_FRAME.size :]))
    if kind == _RING:
        head: int = _HEAD.unpack(payload)[1]
        return head
    said = orjson.loads(payload[1:])
    return Signal(
        said["kind"],
        _uuid(said.get("window")),
        _uuid(said.get("user")),
        said.get("client"),
        _uuid(said.get("run")),
        said.get("read", 0),
        said.get("total", 0),
        said.get("compacting", False),
    )


@lru_cache(4_096)
def _id(packed: bytes) -> UUID:
    return UUID(bytes=packed)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
