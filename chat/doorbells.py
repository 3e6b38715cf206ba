"""What travels on the bus: where, and in which form.

A doorbell says that a scope has come to a number; what changed stands in the rows. A frame carries journaled events,
so that tokens need no read. Either may get lost: numbers tell, and rows and journal have everything.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from chat.cursors import ScopeKind
from pubsub.bus import Bus

QUEUED = "transom:runs:queued"
"""The channel on which a process says, with its own name, that it has queued a run."""
STOPS = "transom:runs:stops"
"""The channel on which runs are asked to stop; the payload is their ids, 16 bytes each."""

_HEAD = struct.Struct(">cQ")
_FRAME = struct.Struct(">c16s16sIQ")


def channel(kind: ScopeKind, scope_id: UUID) -> str:
    """The channel of a scope."""
    return f"transom:{kind.name.lower()}:{scope_id.hex}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Consecutive journaled events of a run; `seq` is the number of the first."""

    run_id: UUID
    message_id: UUID
    epoch: int
    seq: int
    events: list[list[Any]]

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.seq + len(self.events) - 1


def ring(bus: Bus, kind: ScopeKind, scope_id: UUID, head: int) -> None:
    """Says that a scope has come to `head`."""
    bus.publish(channel(kind, scope_id), _HEAD.pack(b"h", head))


def send(bus: Bus, session_id: UUID, run_id: UUID, message_id: UUID, epoch: int, seq: int, events: bytes) -> None:
    """Carries events (a JSON array) that have just been journaled."""
    head = _FRAME.pack(b"f", run_id.bytes, message_id.bytes, epoch, seq)
    bus.publish(channel(ScopeKind.SESSION, session_id), head + events)


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


def read(payload: bytes) -> int | Frame:
    """The head of a doorbell, or a frame."""
    if payload[:1] == b"h":
        head: int = _HEAD.unpack(payload)[1]
        return head
    _, run_id, message_id, epoch, seq = _FRAME.unpack_from(payload)
    return Frame(UUID(bytes=run_id), UUID(bytes=message_id), epoch, seq, orjson.loads(payload[_FRAME.size :]))
