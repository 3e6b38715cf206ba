"""One subscription: catches up from the rows, then goes on with what its feed tells."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self, cast
from uuid import UUID, uuid4

from sync.changes import News, Place, Seen, Writing
from sync.channels import Frame
from sync.cursors import Cursor
from sync.events import (
    BranchChanged,
    CaughtUp,
    CountsChanged,
    Event,
    MessageChanged,
    PartChanged,
    PresenceChanged,
    Reset,
    ResetReason,
    RowEvent,
    RunProgress,
    SiblingsChanged,
    TextDelta,
)
from sync.retry import patiently

if TYPE_CHECKING:
    from sync.feed import Feed

BACKLOG = 2_000
"""Events that a window may leave unread before it has to catch up from the rows again."""
FAR = 20_000
"""Changes after which fetching again is cheaper than catching up."""


class Tokens:
    """A frame, and the events that it carries. `joined`: what it was made of, for windows that know a part of it."""

    __slots__ = ("events", "first", "frame", "joined", "last")

    def __init__(self, frame: Frame, events: Sequence[Event], joined: "Sequence[Tokens]" = ()) -> None:
        self.frame = frame
        self.events = events
        self.joined = joined
        self.first = (frame.epoch, frame.seq)
        self.last = (frame.epoch, frame.last)


type Take = Callable[[Event], bool]
"""Takes an event to the client at once. False: it cannot just now; the event is told to whoever iterates."""


class Listener(Protocol):
    """Whoever the events are for."""

    @property
    def away(self) -> bool:
        """Whether nobody seems to be there, though the connection is."""


class Window[E]:
    """The events of one scope for one subscriber, without a gap or a repetition. Iterate; then `close`.

    While it catches up, live events are held. Its own read may be of a later moment than what its feed tells next, or
    of an earlier one; so it knows how far the rows have brought it, and takes only what is newer. A window that does
    not read loses its backlog, never memory, and catches up from the last event it took; the others do not notice.

    With `take`, what happens while somebody waits for the next event goes there first, without waking anybody.
    """

    listener: Listener | None = None
    """Set where the window takes part in who is there."""

    def __init__(
        self,
        feed: "Feed",
        user_id: UUID,
        after: Cursor | None,
        client: str | None = None,
        *,
        leaf_id: UUID | None = None,
        signals: bool = False,
        every: float = 0.0,
    ) -> None:
        self.id = uuid4()
        self.user_id = user_id
        self.client = client
        self.signals = signals
        self.every = every
        self.feed = feed
        self._after = after
        self._position = None if after is None else after.seq
        self._leaf_id = leaf_id
        self._seen: Seen | None = None
        self._refusal: ResetReason | None = None
        self._ready: list[Event] = []  # a deque is 13 times as large while it is empty
        self._held: list[News | Tokens] = []
        self._floor = 0  # the number up to which the rows have told everything
        self._known: dict[UUID, tuple[int, int]] = {}  # how far they have told each run that is being written
        self._behind = True
        self._lost = False  # events were held, and are held no more
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        self.take: Take | None = None

    @property
    def away(self) -> bool:
        """Whether nobody seems to be there."""
        return self.listener is not None and self.listener.away

    def push(self, told: News | Tokens) -> None:
        """Takes what the feed has read, or heard."""
        if self._refusal is not None:
            return
        if self._behind:
            self._held.append(told)
            if len(self._held) > BACKLOG:
                self._held.clear()
                self._lost = True
        else:
            self._tell(self._new(told))
            if self._behind:
                self._wake()

    def _tell(self, events: Iterable[Event]) -> None:
        """Tells events that are new: at once if the window is waiting for them, or when it asks for the next."""
        left, take, waiter = iter(events), self.take, self._waiter
        if take is not None and waiter is not None and not waiter.done():
            for event in left:
                if not take(event):
                    self._ready.append(event)
                    break
                if type(event) is not TextDelta:
                    self._took(event)
            else:
                return
        self._ready.extend(left)
        if len(self._ready) > BACKLOG:
            self._ready.clear()
            self._behind = True
        if self._ready or self._behind:
            self._wake()

    def _took(self, event: Event) -> None:
        if (number := _number(event)) or isinstance(event, CaughtUp):
            self._position = number
        elif isinstance(event, BranchChanged):
            self._leaf_id = event.leaf_id

    def tell(self, event: PresenceChanged | CountsChanged) -> None:
        """Takes a signal, if the window wants any; one that is behind gets the newest when it has caught up."""
        if self.signals and not self._behind and self._refusal is None:
            self._tell((event,))

    def hint(self, event: RunProgress) -> None:
        """Takes what is true for a moment and needs no asking for; one that is behind does without."""
        if not self._behind and self._refusal is None:
            self._tell((event,))

    def end(self, reason: ResetReason) -> None:
        """Ends the stream with a reset, after what is ready."""
        if self._refusal is None:
            self._refusal = reason
        self._wake()

    def _new(self, told: News | Tokens) -> Sequence[Event]:
        """What of it the window has not been told by the rows."""
        if isinstance(told, News):
            rows = [event for row in told.events if (event := self._new_row(row, told.writing)) is not None]
            return [*rows, *self._new_branch(told)] if self.user_id in told.seen else rows
        known = self._known.get(told.frame.run_id)
        if known is None or told.last <= known:
            return ()
        if told.joined and told.first <= known:
            return [event for tokens in told.joined for event in self._new(tokens)]
        return told.events

    def _new_branch(self, told: News) -> Iterable[Event]:
        """That another path is seen now than the one that was told last, after what is new of it."""
        before, now = self._seen, told.seen[self.user_id]
        if before is None or now.moment < before.moment:
            return
        if before.path.number != now.path.number or now.path.length < before.path.length:
            if told.told.get(self.user_id) not in (None, before.path):
                self._behind = True  # the others were told of another path before, so what is new is something else
                return
            for event in told.path:
                if isinstance(event, MessageChanged):
                    self._note(event.row.run_id, told.writing)
                yield event
        self._seen = now
        if before.shown != now.shown:
            yield told.branches[now.shown]

    def _new_row(self, event: RowEvent | SiblingsChanged, writing: dict[UUID, Writing]) -> Event | None:
        """The event, if the row is new, or what its run has written since the row changed."""
        told = event.cursor.seq <= self._floor
        if not isinstance(event, MessageChanged) or event.row.run_id is None:
            return None if told else event
        run_id, now = event.row.run_id, writing.get(event.row.run_id)
        if told:
            known = self._known.get(run_id)
            if now is None or known is None or (now.epoch, now.last) <= known:
                return None
            event = MessageChanged(replace(event.cursor, seq=self._floor), event.row)  # a cursor never goes back
        self._note(run_id, writing)
        return event

    def _note(self, run_id: UUID | None, writing: dict[UUID, Writing]) -> None:
        """A message of this run has been told whole."""
        if run_id is None:
            return
        if (now := writing.get(run_id)) is None:
            self._known.pop(run_id, None)
        else:
            self._known[run_id] = (now.epoch, now.last)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while True:
            if self._ended:
                raise StopAsyncIteration
            if self._ready:
                event = self._ready.pop(0)
                self._took(event)
                return cast("E", event)
            if self._refusal is not None:
                self._ended = True
                return cast("E", Reset(self._refusal))
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
            self.end(ResetReason.BAD_CURSOR)
            return
        news = await patiently(self._read, "A window")
        if news is None:
            self.end(ResetReason.ACCESS_CHANGED)
        if news is None or self._refusal is not None:
            return
        if (reason := self._refused(news)) is not None:
            self.end(reason)
            return
        self._after = None
        self._ready.extend(news.events)
        if news.more or self._lost:
            return
        self._ready.extend(news.path)
        if (seen := news.seen.get(self.user_id)) is not None:
            self._seen = seen
            self._ready.append(news.branches[seen.shown])
            self.feed.met(self.user_id, seen)
        self._ready.append(CaughtUp(self.feed.cursor(news.epoch, news.head)))
        self._floor = news.head
        self._known = {run_id: (writing.epoch, writing.last) for run_id, writing in news.writing.items()}
        held, self._held = self._held, []
        self._behind = False
        for told in held:
            self._ready.extend(self._new(told))
        if self.signals and (event := self.feed.signal()) is not None:
            self._ready.append(event)

    async def _read(self) -> News | None:
        return await self.feed.arrivals.read(self.feed, Place(self._position, self.user_id, self._leaf_id))

    def _refused(self, news: News) -> ResetReason | None:
        """Why the window cannot go on from where it is; None where it can."""
        after, position = self._after, self._position
        if after is not None and (after.epoch != news.epoch or after.seq > news.end):
            return ResetReason.EPOCH
        if position is not None and position < news.horizon:
            return ResetReason.EXPIRED
        if position is None or news.end - position <= FAR:
            return None
        return ResetReason.SLOW_CONSUMER if after is None else ResetReason.TOO_FAR

    def close(self) -> None:
        """Leaves the feed. The window is not iterated any more."""
        self._ended = True
        self.feed.leave(self)


def _number(event: Event) -> int:
    """The event's number in its scope; 0 where it has none."""
    match event:
        case TextDelta() | PartChanged() | PresenceChanged() | RunProgress() | CountsChanged() | Reset():
            return 0
        case SiblingsChanged() | BranchChanged():
            return 0  # what comes next has it, or has been told
        case _:
            return event.cursor.seq
