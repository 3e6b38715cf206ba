"""One message, whole, again and again while it grows: for clients that only keep a normalised cache."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from uuid import UUID

from chat.conversation import sessions
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from chat.subscriptions import streams
from db import messages, rows
from db.models import Json, Message, MessageStatus
from sync import in_flight, parts
from sync.cursors import Cursor, ScopeKind
from sync.events import MessageChanged, PartChanged, Reset, TextDelta

SHORTEST, LONGEST = 20, 10_000
"""Milliseconds between two states."""

_FLYING = (MessageStatus.PENDING, MessageStatus.STREAMING)


async def message(scope: Scope, message_id: UUID, *, every: int) -> AsyncGenerator[Message]:
    """The message as it is, then as it has become, at most once in `every` milliseconds; ends with its last state.

    Raises:
        NotFound: there is no such message for the viewer.
        InvalidInput: `every` is out of range.
    """
    if not SHORTEST <= every <= LONGEST:
        raise InvalidInput("every", f"`every` is a number of milliseconds from {SHORTEST} to {LONGEST:,}.")
    row, after = await _now(scope, message_id)
    yield row
    with suppress(NotFound):  # the session was deleted, or is not the viewer's any more
        while row.status in _FLYING:
            async with aclosing(_growing(scope, row, after, every / 1000)) as states:
                async for row in states:
                    yield row
            if row.status in _FLYING:  # the stream could not go on: begin anew
                row, after = await _now(scope, message_id)
                yield row


async def _now(scope: Scope, message_id: UUID) -> tuple[Message, Cursor]:
    """The message as it is, and the point in its session after which it may change."""
    async with scope.tx(snapshot=True) as tx:
        row = (await messages.of_ids(tx, [message_id])).get(message_id)
        if row is None:
            raise NotFound("message")
        session, _ = await sessions.seen(tx, scope, row.session_id, "message")
        await in_flight.complete(tx, [row])
    return row, Cursor(ScopeKind.SESSION, session.id, session.epoch, session.head)


async def _growing(scope: Scope, row: Message, after: Cursor, interval: float) -> AsyncGenerator[Message]:
    """States of the message after a point, until its last one, or a reset."""
    clock = asyncio.get_running_loop()
    async with streams.session(scope, row.session_id, str(after)) as told:
        whole = _copied(row.parts)
        due, changed = clock.time() + interval, False
        while True:
            try:
                async with asyncio.timeout_at(due if changed else None):
                    event = await anext(told)
            except TimeoutError:
                yield _grown(row, whole)
                due, changed = clock.time() + interval, False
                continue
            match event:
                case Reset():
                    return
                case MessageChanged(_, now) if now.id == row.id:
                    row, whole, changed = now, _copied(now.parts), True
                    if row.status not in _FLYING:
                        yield row
                        return
                case TextDelta(_, message_id, index, offset, text) if message_id == row.id:
                    parts.fold(whole, [("a", index, offset, text)])
                    changed = True
                case PartChanged(_, message_id, index, part) if message_id == row.id:
                    parts.fold(whole, [("p", index, part)])
                    changed = True


def _copied(some: list[Json]) -> list[Json]:
    return [dict(part) for part in some]


def _grown(row: Message, whole: list[Json]) -> Message:
    """The message with these parts. The row itself stays as it is: the other windows are told the same object."""
    values = {name: getattr(row, name) for name in rows.MESSAGE}
    return Message(**values | {"parts": _copied(whole), "content": parts.content(whole)})
