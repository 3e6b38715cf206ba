"""Following a scope: what subscriptions do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from chat import doorbells, sessions
from chat.cursors import BadCursor, Cursor, ScopeKind
from chat.events import AccountEvent, SessionEvent
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from chat.sync.feed import Gone
from chat.sync.window import Window

LONGEST_PACE = 500
"""Milliseconds that a window may have tokens wait at most."""


@asynccontextmanager
async def session(
    scope: Scope, session_id: UUID, after: str | None, *, present: bool = False, every: int = 0
) -> AsyncIterator[Window[SessionEvent]]:
    """A window on one session, after a cursor or from now; `present`: seen by others, and seeing them.

    Tokens are told at most once in `every` milliseconds, put together; 0: as they come.

    Raises:
        NotFound: there is no such session for the viewer.
        InvalidInput: `after` is no cursor, or `every` is out of its range.
    """
    if not 0 <= every <= LONGEST_PACE:
        raise InvalidInput("every", f"`every` is a number of milliseconds from 0 to {LONGEST_PACE}.")
    async with scope.process.feeds.arrivals.turn, scope.tx() as tx:
        await sessions.seen(tx, scope, session_id)
    async with _window(scope, ScopeKind.SESSION, session_id, after, present=present, every=every / 1000) as window:
        yield window


@asynccontextmanager
async def account(scope: Scope, after: str | None) -> AsyncIterator[Window[AccountEvent]]:
    """A window on the viewer's account, after a cursor or from now.

    Raises:
        InvalidInput: `after` is no cursor.
    """
    async with _window(scope, ScopeKind.ACCOUNT, scope.viewer.id, after) as window:
        yield window


@asynccontextmanager
async def _window(
    scope: Scope, kind: ScopeKind, scope_id: UUID, after: str | None, *, present: bool = False, every: float = 0.0
) -> AsyncIterator[Window[Any]]:
    feeds = scope.process.feeds
    try:
        cursor = None if after is None else Cursor.parse(after)
        window = await feeds.join(
            kind, scope_id, scope.viewer.id, cursor, scope.viewer.client, present=present, every=every
        )
    except BadCursor as error:
        raise InvalidInput("after", str(error)) from error
    except Gone as error:
        raise NotFound("session") from error
    try:
        yield window
    finally:
        feeds.leave(window)


async def typing(scope: Scope, session_id: UUID, *, now: bool) -> None:
    """Tells the windows of a session that the viewer is typing, for some seconds, or not any more.

    Raises:
        NotFound: there is no such session for the viewer.
        NotAllowed: the viewer may only read it.
    """
    async with scope.tx() as tx:
        await sessions.writable(tx, scope, session_id)
    doorbells.typing(scope.process.bus, session_id, scope.viewer.id, scope.viewer.client, now=now)
