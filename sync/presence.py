"""Who has a session open, and who is typing in it: signals that are never stored.

Every window that takes part announces itself on the session's channel, again with each heartbeat, and says when it
goes; one whose client seems to be asleep has gone until it wakes. What was not announced for a while is gone. A process
that begins to listen asks who is there.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sync import channels
from sync.channels import Signal
from sync.events import PresenceChanged, Present

if TYPE_CHECKING:
    from sync.subscriber import Window

HERE_SECONDS = 25.0
"""How long a window counts as there after it was last announced."""
TYPING_SECONDS = 6.0
"""How long someone counts as typing after saying so."""
PAUSE_SECONDS = 0.2
"""Between two changes that windows are told."""
MOST = 100
"""Windows that are named; the others are only counted."""


@dataclass(slots=True)
class _Seen:
    user_id: UUID
    client: str | None
    until: float


class Presence:
    """The windows of one session, on all processes, as far as one process has heard."""

    def __init__(self, publish: Callable[[bytes], None], tell: Callable[[PresenceChanged], None]) -> None:
        self._publish = publish
        self._tell = tell
        self._own: dict[UUID, Window[Any]] = {}
        self._away: set[UUID] = set()
        self._seen: dict[UUID, _Seen] = {}
        self._typing: dict[tuple[UUID, str | None], float] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._fading: asyncio.TimerHandle | None = None

    def enter(self, window: "Window[Any]") -> None:
        """A window of this process opens."""
        if not self._own:
            self._publish(channels.who())
        self._own[window.id] = window
        self._announce(window)

    def leave(self, window_id: UUID) -> None:
        """A window of this process has gone."""
        if self._own.pop(window_id, None) is not None:
            self._away.discard(window_id)
            self._publish(channels.gone(window_id))

    def _announce(self, window: "Window[Any]") -> None:
        if not window.away:
            self._away.discard(window.id)
            self._publish(channels.here(window.id, window.user_id, window.client))
        elif window.id not in self._away:
            self._away.add(window.id)
            self._publish(channels.gone(window.id))

    def close(self) -> None:
        """Nobody is told any more."""
        for timer in (self._telling, self._fading):
            if timer is not None:
                timer.cancel()

    def refresh(self) -> None:
        """Announces this process's windows again, and forgets those that were not announced for a while."""
        for window in self._own.values():
            self._announce(window)
        self._fade()

    def take(self, signal: Signal) -> None:
        """Hears a signal, of this process or another."""
        now = asyncio.get_running_loop().time()
        match signal.kind:
            case "who":
                for window in self._own.values():
                    self._announce(window)
            case "here" if signal.window_id is not None and signal.user_id is not None:
                known = signal.window_id in self._seen
                self._seen[signal.window_id] = _Seen(signal.user_id, signal.client, now + HERE_SECONDS)
                if not known:
                    self._changed()
            case "gone" if signal.window_id is not None:
                if self._seen.pop(signal.window_id, None) is not None:
                    self._changed()
            case "typing" | "still" if signal.user_id is not None:
                self._type(signal.user_id, signal.client, now if signal.kind == "typing" else None)

    def _type(self, user_id: UUID, client: str | None, now: float | None) -> None:
        key = (user_id, client)
        known = key in self._typing
        if now is None:
            self._typing.pop(key, None)
        else:
            self._typing[key] = now + TYPING_SECONDS
            self._fading = self._fading or asyncio.get_running_loop().call_later(TYPING_SECONDS, self._fade)
        if known is not (now is not None):
            self._changed()

    def _fade(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._fading is not None:
            self._fading.cancel()
            self._fading = None
        here = {window_id: seen for window_id, seen in self._seen.items() if seen.until > now}
        typing = {key: until for key, until in self._typing.items() if until > now}
        changed = len(here) < len(self._seen) or len(typing) < len(self._typing)
        self._seen, self._typing = here, typing
        if typing:
            wait = min(typing.values()) - now
            self._fading = asyncio.get_running_loop().call_later(wait, self._fade)
        if changed:
            self._changed()

    def _changed(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = None
        self._tell(self.now())

    def now(self) -> PresenceChanged:
        """Who is there."""
        named = [
            Present(window_id, seen.user_id, seen.client, (seen.user_id, seen.client) in self._typing)
            for window_id, seen in list(self._seen.items())[:MOST]
        ]
        return PresenceChanged(len(self._seen), tuple(named))
