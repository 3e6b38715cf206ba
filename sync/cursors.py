"""Cursors of the sync scopes: how far a client has come."""

import base64
import binascii
import struct
from dataclasses import dataclass
from enum import Enum
from uuid import UUID


class NoCursor(ValueError):
    """A text that is no cursor."""


_LAYOUT = struct.Struct(">B16sIQ")


class ScopeKind(Enum):
    """The two scopes that have a counter."""

    ACCOUNT = 1
    SESSION = 2


@dataclass(frozen=True, slots=True)
class Cursor:
    """A point in the history of one scope. Clients see it as opaque text."""

    kind: ScopeKind
    id: UUID
    epoch: int
    seq: int

    def __str__(self) -> str:
        packed = _LAYOUT.pack(self.kind.value, self.id.bytes, self.epoch, self.seq)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor that was written as this text.

        Raises:
            NoCursor: none was.
        """
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            kind, id_bytes, epoch, seq = _LAYOUT.unpack(packed)
            return cls(ScopeKind(kind), UUID(bytes=id_bytes), epoch, seq)
        except (binascii.Error, struct.error, ValueError) as error:
            raise NoCursor(text) from error
