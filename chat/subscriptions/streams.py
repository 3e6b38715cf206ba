"""Following a scope: what subscriptions do."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from chat import validation
from chat.conversation import sessions
from chat.quotas import quotas
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from sync import channels
from sync.cursors import ScopeKind
from sync.events import AccountEvent, SessionEvent
from sync.feed import Gone
from sync.subscriber import Window

LONGEST_PACE = 500
"""Milliseconds that a window may have tokens wait at most."""


class Opening[E]:
    """A window that is open within an `async with`. There is little more to it than the window: windows are many."""

    __slots__ = ("_closed", "_feeds", "_opens", "_window")

    def __init__(self, scope: Scope, opens: Callable[[], Awaitable[Window[E]]]) -> None:
        self._feeds = scope.process.feeds
        self._opens: tuple[Scope, Callable[[], Awaitable[Window[E]]]] | None = scope, opens
        self._window: Window[E] | None = None
        self._closed: Callable[[], None] | None = None

    async def __aenter__(self) -> Window[E]:
        assert self._opens is not None, "A window is opened once."
        (scope, opens), self._opens = self._opens, None
        self._closed = await quotas.open_window(scope)
        try:
            self._window = await opens()
        except BaseException:
            self._count_off()
            raise
        return self._window

    async def __aexit__(self, *_: object) -> None:
        if self._window is not None:
            self._feeds.leave(self._window)
            self._count_off()

    def _count_off(self) -> None:
        if self._closed is not None:
            self._closed()
            self._closed = None


def session(
    scope: Scope,
    session_id: UUID,
    after: str | None,
    *,
    leaf_id: UUID | None = None,
    present: bool = False,
    every: int = 0,
) -> Opening[SessionEvent]:
    """A window on one session, after a cursor or from now; `present`: seen by others, and seeing them.

    If it comes back, `leaf_id` is the end of the path that it shows: what is new of the one that is seen now is told.
    Tokens are told at most once in `every` milliseconds, put together; 0: as they come.

    Raises, when it is entered:
        NotFound: there is no such session for the viewer.
        InvalidInput: `after` is no cursor, or `every` is out of its range.
        QuotaExceeded: the viewer has as many windows open as it may.
    """

    async def opens() -> Window[SessionEvent]:
        if not 0 <= every <= LONGEST_PACE:
            raise InvalidInput("every", f"`every` is a number of milliseconds from 0 to {LONGEST_PACE}.")
        async with scope.process.feeds.arrivals.turn:
            (seen,) = await sessions.of_ids(scope, [session_id])
        if seen is None:
            raise NotFound("session")
        return await _join(
            scope, ScopeKind.SESSION, session_id, after, leaf_id=leaf_id, signals=present, every=every / 1000
        )

    return Opening(scope, opens)


def account(scope: Scope, after: str | None, *, counts: bool = False) -> Opening[AccountEvent]:
    """A window on the viewer's account, after a cursor or from now; with `counts`, for badges too.

    Raises, when it is entered:
        InvalidInput: `after` is no cursor.
        QuotaExceeded: the viewer has as many windows open as it may.
    """
    return Opening(scope, lambda: _join(scope, ScopeKind.ACCOUNT, scope.viewer.id, after, signals=counts))


async def _join(
    scope: Scope,
    kind: ScopeKind,
    scope_id: UUID,
    after: str | None,
    *,
    leaf_id: UUID | None = None,
    signals: bool = False,
    every: float = 0.0,
) -> Window[Any]:
    try:
        cursor = None if after is None else validation.cursor("after", after)
        return await scope.process.feeds.join(
            kind,
            scope_id,
            scope.viewer.id,
            cursor,
            scope.viewer.client,
            leaf_id=leaf_id,
            signals=signals,
            every=every,
        )
    except Gone as error:
        raise NotFound("session") from error


async def typing(scope: Scope, session_id: UUID, *, now: bool) -> None:
    """Tells the windows of a session that the viewer is typing, for some seconds, or not any more.

    Raises:
        NotFound: there is no such session for the viewer.
        NotAllowed: the viewer may only read it.
    """
    async with scope.tx() as tx:
        await sessions.writable(tx, scope, session_id)
    channels.typing(scope.process.bus, session_id, scope.viewer.id, scope.viewer.client, now=now)
