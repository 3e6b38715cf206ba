"""One subscription: catches up from the rows, then goes on with what its feed tells."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self
from uuid import UUID

from chat.cursors import Cursor
from chat.doorbells import Frame
from chat.events import CaughtUp, Event, PartChanged, Reset, ResetReason, RowEvent, TextDelta
from chat.sync.news import News

if TYPE_CHECKING:
    from chat.sync.feed import Feed

BACKLOG = 2_000
"""Events that a window may leave unread before it has to catch up from the rows again."""
FAR = 20_000
"""Changes after which fetching again is cheaper than catching up."""


class Window:
    """The events of one scope for one subscriber, without a gap or a repetition. Iterate; then `close`.

    While it catches up, live events are held, and those that the rows already told are dropped. A window that does
    not read loses its backlog, never memory, and catches up from the last event it took; the others do not notice.
    """

    def __init__(self, feed: "Feed", user_id: UUID, after: Cursor | None) -> None:
        self.user_id = user_id
        self.feed = feed
        self._after = after
        self._position = None if after is None else after.seq
        self._refusal: ResetReason | None = None
        self._ready: deque[Event] = deque()
        self._held: list[tuple[Frame | None, int, list[Event]]] = []
        self._behind = True
        self._lost = False  # events were held, and are held no more
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def push_rows(self, events: list[RowEvent]) -> None:
        """Takes rows that changed."""
        self._push(None, 0, list(events))

    def push_frame(self, frame: Frame, since: int, events: list[Event]) -> None:
        """Takes journaled events of a run that began at number `since` of the scope."""
        self._push(frame, since, events)

    def end(self, reason: ResetReason) -> None:
        """Ends the stream with a reset, after what is ready."""
        self._refusal = reason
        self._wake()

    def _push(self, frame: Frame | None, since: int, events: list[Event]) -> None:
        if self._behind:
            self._held.append((frame, since, events))
            if len(self._held) > BACKLOG:
                self._held.clear()
                self._lost = True
        elif len(self._ready) + len(events) > BACKLOG:
            self._fall_behind()
        else:
            self._ready.extend(events)
            self._wake()

    def _fall_behind(self) -> None:
        self._ready.clear()
        self._held.clear()
        self._behind = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            if self._ended:
                raise StopAsyncIteration
            if self._ready:
                event = self._ready.popleft()
                self._position = _number(event) or self._position
                return event
            if self._refusal is not None:
                self._ended = True
                return Reset(self._refusal)
            if self._behind:
                await self._catch_up()
            else:
                self._waiter = asyncio.get_running_loop().create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _catch_up(self) -> None:
        """Reads one page of what the window missed; after the last one it is live."""
        self._lost = False
        if self._after is not None and (self._after.kind, self._after.id) != (self.feed.kind, self.feed.id):
            self._refusal = ResetReason.BAD_CURSOR
            return
        news = await self.feed.read(self._position)
        if news is None:
            self._refusal = ResetReason.ACCESS_CHANGED
            return
        if self._after is not None:
            self._refusal = _refusal(self._after, news)
            if self._refusal is not None:
                return
            self._after = None
        self._ready.extend(news.events)
        self._position = news.head if self._position is None else self._position
        if news.more or self._lost:
            return
        self._ready.append(CaughtUp(self.feed.cursor(news.epoch, news.head)))
        for frame, since, events in self._held:
            if frame is None:
                self._ready.extend(event for event in events if _number(event) > news.head)
            elif (known := news.writing.get(frame.run_id)) is not None:
                if (frame.epoch, frame.last) > (known.epoch, known.last):
                    self._ready.extend(events)
            elif since > news.head:
                self._ready.extend(events)
        self._held.clear()
        self._behind = False

    def close(self) -> None:
        """Leaves the feed. The window is not iterated any more."""
        self._ended = True
        self.feed.leave(self)


def _refusal(after: Cursor, news: News) -> ResetReason | None:
    """Why a client cannot go on after its cursor; None where it can."""
    if after.epoch != news.epoch or after.seq > news.end:
        return ResetReason.EPOCH
    return ResetReason.TOO_FAR if news.end - after.seq > FAR else None


def _number(event: Event) -> int:
    """The event's number in its scope; 0 where it has none."""
    match event:
        case TextDelta() | PartChanged() | Reset():
            return 0
        case _:
            return event.cursor.seq
