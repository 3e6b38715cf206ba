"""Tokens at the pace that a client asks for: gathered, put together, and told all windows of that pace at once."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sync.events import Event, TextDelta
from sync.subscriber import Tokens

if TYPE_CHECKING:
    from sync.subscriber import Window


class Pace:
    """The windows of one scope that want tokens at most once in `every` seconds.

    The first tokens after a pause are told at once. What comes within the interval is told at its end.
    """

    def __init__(self, every: float) -> None:
        self.windows: set[Window[Any]] = set()
        self._every = every
        self._waiting: list[Tokens] = []
        self._timer: asyncio.TimerHandle | None = None

    def take(self, tokens: Tokens) -> None:
        """Tokens came."""
        if self._every:
            self._waiting.append(tokens)
            if self._timer is None:
                self._tick()
        else:
            self._tell(tokens)

    def flush(self) -> None:
        """Tells what waits: something is about to be told that comes after it."""
        waiting, self._waiting = self._waiting, []
        for tokens in merged(waiting):
            self._tell(tokens)

    def _tell(self, tokens: Tokens) -> None:
        for window in self.windows:
            window.push(tokens)

    def close(self) -> None:
        """Nothing is told any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._timer = None
        if self._waiting:
            self.flush()
            self._timer = asyncio.get_running_loop().call_later(self._every, self._tick)


def merged(waiting: Sequence[Tokens]) -> Iterable[Tokens]:
    """The same with one for each run and epoch, in which text that follows text is one event."""
    if len(waiting) == 1:
        return waiting
    runs: dict[tuple[UUID, int], list[Tokens]] = {}
    for tokens in waiting:
        runs.setdefault((tokens.frame.run_id, tokens.frame.epoch), []).append(tokens)
    return [_joined(frames) for frames in runs.values()]


def _joined(frames: Sequence[Tokens]) -> Tokens:
    if len(frames) == 1:
        return frames[0]
    first = frames[0].frame
    whole = replace(first, events=[event for tokens in frames for event in tokens.frame.events])
    return Tokens(whole, list(_texts(event for tokens in frames for event in tokens.events)), tuple(frames))


def _texts(events: Iterable[Event]) -> Iterable[Event]:
    """The events with text that follows text put together."""
    gathered: list[TextDelta] = []
    for event in events:
        if gathered and not (isinstance(event, TextDelta) and event.index == gathered[0].index):
            yield _text(gathered)
            gathered = []
        if isinstance(event, TextDelta):
            gathered.append(event)
        else:
            yield event
    if gathered:
        yield _text(gathered)


def _text(gathered: Sequence[TextDelta]) -> TextDelta:
    if len(gathered) == 1:
        return gathered[0]
    return replace(gathered[0], text="".join(delta.text for delta in gathered))
