"""One message, whole, again and again while it grows: for clients that only keep a normalised cache."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from sqlalchemy.orm.attributes import set_committed_value

from chat import following, messages, parts
from chat.events import MessageChanged, PartChanged, Reset, SessionEvent, TextDelta
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from db.models import Message, MessageStatus

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
    (row,) = await messages.of_ids(scope, [message_id])
    if row is None:
        raise NotFound("message")
    yield row
    if row.status not in _FLYING:
        return
    async with aclosing(_growing(scope, row, every / 1000)) as states:
        async for state in states:
            yield state


async def _growing(scope: Scope, row: Message, interval: float) -> AsyncGenerator[Message]:
    clock = asyncio.get_running_loop()
    async with following.session(scope, row.session_id, None) as told:
        due, changed = clock.time() + interval, False
        while True:
            try:
                async with asyncio.timeout_at(due if changed else None):
                    event = await anext(told)
            except TimeoutError:
                yield row
                due, changed = clock.time() + interval, False
                continue
            if isinstance(event, Reset):
                return
            if isinstance(event, MessageChanged) and event.row.id == row.id:
                row, changed = event.row, True
                if row.status not in _FLYING:
                    yield row
                    return
            else:
                changed |= _grow(row, event)


def _grow(row: Message, event: SessionEvent) -> bool:
    """Applies tokens to the message, without storing them; whether they were its own."""
    if not isinstance(event, TextDelta | PartChanged) or event.message_id != row.id:
        return False
    whole = [dict(part) for part in row.parts]
    if isinstance(event, TextDelta):
        parts.fold(whole, [("a", event.index, event.offset, event.text)])
    else:
        parts.fold(whole, [("p", event.index, event.part)])
    set_committed_value(row, "parts", whole)
    set_committed_value(row, "content", parts.content(whole))
    return True
