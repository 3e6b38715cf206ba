"""What every bus promises: bytes published on a channel reach its listeners, or the listeners hear of a loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol


class Listener(Protocol):
    """What a bus calls. Both callbacks run on the event loop, must be cheap and must not block."""

    def on_message(self, payload: bytes) -> None:
        """Take one message of the channel. Messages of one publisher come in the order of publishing."""

    def on_loss(self) -> None:
        """Learn that messages may have been missed: what is true now stands in the rows."""


class Listening:
    """One listener's place on one channel, from `listen` to `close`."""

    __slots__ = ("_leave", "channel", "listener", "open")

    def __init__(self, channel: str, listener: Listener, leave: Callable[["Listening"], None]) -> None:
        self.channel = channel
        self.listener = listener
        self.open = True
        self._leave = leave

    def close(self) -> None:
        """Stop at once: no callback of this listening starts after this returns. Closing again does nothing."""
        if self.open:
            self.open = False
            self._leave(self)


class Bus(ABC):
    """A dumb pipe of bytes for one event loop. Nothing on it is the truth: a bus may lose messages, never silently.

    A channel is any valid Unicode string. All methods belong to the event loop's thread.
    """

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether messages now reach other processes and come from them, as far as this process knows."""

    @abstractmethod
    def publish(self, channel: str, payload: bytes) -> None:
        """Send `payload` to every listener of `channel`. Never blocks, never raises.

        The listeners of this process have been called when this returns (called from inside a callback: when the
        outermost `publish` returns, so that all listeners see one order). Other processes follow as soon as the link
        allows; what cannot be sent to them is dropped, and their listeners of that channel get `on_loss`.
        """

    @abstractmethod
    async def listen(self, channel: str, listener: Listener) -> Listening:
        """Call `listener` for all that is published on `channel` after this returns; perhaps for a little before it.

        Returns when the subscription is confirmed, so that *listen, then read the rows* has no gap. While the other
        processes cannot be reached it returns after about two seconds at most, unconfirmed: messages of this process
        arrive, and `on_loss` follows as soon as the subscription is confirmed.

        Several listeners, also equal ones, may listen to one channel; each listening is closed for itself.
        A `listen` that is cancelled leaves nothing behind.
        """
