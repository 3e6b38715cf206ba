"""How a bus writes on Redis: the commands, the names of channels, and the envelope around a payload."""

import secrets
from dataclasses import dataclass, field
from typing import Final

import hiredis

PING: Final = b"PING"
# What Redis says of subscriptions; the second word of each is for sharded ones.
MESSAGE: Final = frozenset({b"message", b"smessage"})
SUBSCRIBED: Final = frozenset({b"subscribe", b"ssubscribe"})
UNSUBSCRIBED: Final = frozenset({b"unsubscribe", b"sunsubscribe"})

ORIGIN_SIZE: Final = 12
HEAD_SIZE: Final = ORIGIN_SIZE + 1
MESSAGE_KIND: Final = b"m"
LOSS_KIND: Final = b"l"


@dataclass(frozen=True, slots=True)
class Wire:
    """The names and the envelope of one bus: 12 bytes of origin, random per bus, one byte of kind, the payload.

    With `sharded`, a channel lives on the node of a cluster that has its slot.
    """

    namespace: str
    sharded: bool = False
    origin: bytes = field(default_factory=lambda: secrets.token_bytes(ORIGIN_SIZE))

    @property
    def every_channel(self) -> bytes:
        """The channel all buses of a namespace follow; a loss notice on it concerns every channel.

        It is never sharded: what is published on it reaches all nodes of a cluster.
        """
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

    def publish(self, name: bytes, data: bytes) -> bytes:
        """The command that publishes on a channel."""
        return pack(self._verb(b"PUBLISH", name), name, data)

    def subscribe(self, name: bytes) -> bytes:
        """The command that subscribes to a channel."""
        return pack(self._verb(b"SUBSCRIBE", name), name)

    def unsubscribe(self, name: bytes) -> bytes:
        """The command that unsubscribes from a channel."""
        return pack(self._verb(b"UNSUBSCRIBE", name), name)

    def _verb(self, verb: bytes, name: bytes) -> bytes:
        return b"S" + verb if self.sharded and name != self.every_channel else verb


def pack(*command: bytes) -> bytes:
    """Encode one command in RESP."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed
