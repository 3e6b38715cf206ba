"""How a bus writes on Redis: the commands, the names of channels, and the envelope around a payload."""

import secrets
from dataclasses import dataclass, field
from typing import Final

import hiredis

# Everything that sharded pub/sub says differently (SPUBLISH, SSUBSCRIBE, SUNSUBSCRIBE, smessage) stands here.
PUBLISH: Final = b"PUBLISH"
SUBSCRIBE: Final = b"SUBSCRIBE"
UNSUBSCRIBE: Final = b"UNSUBSCRIBE"
MESSAGE: Final = b"message"
PING: Final = b"PING"

ORIGIN_SIZE: Final = 12
HEAD_SIZE: Final = ORIGIN_SIZE + 1
MESSAGE_KIND: Final = b"m"
LOSS_KIND: Final = b"l"


@dataclass(frozen=True, slots=True)
class Wire:
    """The names and the envelope of one bus: 12 bytes of origin, random per bus, one byte of kind, the payload."""

    namespace: str
    origin: bytes = field(default_factory=lambda: secrets.token_bytes(ORIGIN_SIZE))

    @property
    def every_channel(self) -> bytes:
        """The channel all buses of a namespace follow; a loss notice on it concerns every channel."""
        return f"{self.namespace}!".encode()

    def name(self, channel: str) -> bytes:
        """What `channel` is called on Redis."""
        return f"{self.namespace}:{channel}".encode()

    def message(self, payload: bytes) -> bytes:
        """Put `payload` in its envelope."""
        return self.origin + MESSAGE_KIND + payload

    def loss(self) -> bytes:
        """Make a notice that messages of the channel were dropped."""
        return self.origin + LOSS_KIND


def pack(*command: bytes) -> bytes:
    """Encode one command in RESP."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed
