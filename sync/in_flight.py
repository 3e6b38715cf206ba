"""Messages in flight: those that a run is writing, whose text so far is in the journal."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from db import deltas, rows
from db.models import Delta, Json, Message, MessageStatus
from sync import parts


async def complete(tx: AsyncSession, messages: Iterable[Message]) -> Mapping[UUID, tuple[int, int]]:
    """Puts into messages in flight what their runs have journaled, without storing it.

    Returns how far that is: `(epoch, number of the last event)` for each run; `(0, 0)` where it has not begun to
    write. The transaction must be a snapshot in which the rows were read too, or a run that ends in between would
    seem to have written nothing.
    """
    flying = {
        message.run_id: message
        for message in messages
        if message.status is MessageStatus.STREAMING and message.run_id is not None
    }
    if not flying:
        return {}
    journals = await deltas.of_runs(tx, list(flying))
    for run_id, message in flying.items():
        extend(message, journals.get(run_id, ()))
    return {run_id: position(journals.get(run_id, ())) for run_id in flying}


async def show(tx: AsyncSession, message: Message) -> None:
    """Shows in a message of the transaction, which need be no snapshot, what its run has written so far."""
    if message.status is not MessageStatus.STREAMING or message.run_id is None:
        return
    journal = (await deltas.of_runs(tx, [message.run_id])).get(message.run_id, ())
    await tx.refresh(message)  # the run may have ended meanwhile, and have put its journal into the row
    if message.status is MessageStatus.STREAMING:
        extend(message, journal)


def position(journal: Sequence[Delta]) -> tuple[int, int]:
    """`(epoch, number of the last event)` of a journal in order."""
    return (journal[-1].epoch, journal[-1].seq + journal[-1].count - 1) if journal else (0, 0)


def folded(message: Message, journal: Iterable[Delta]) -> list[Json]:
    """The parts of a message with what a journal adds to them."""
    return _with([dict(part) for part in message.parts], (delta.events for delta in journal))


def _with(so_far: list[Json], journal: Iterable[str]) -> list[Json]:
    """The same parts, with what JSON arrays of events add to them."""
    for events in journal:
        parts.fold(so_far, orjson.loads(events))
    return so_far


def extend(message: Message, journal: Iterable[Delta]) -> None:
    """Shows in a message what a journal adds to it, without storing it."""
    whole = folded(message, journal)
    set_committed_value(message, "parts", whole)
    set_committed_value(message, "content", parts.content(whole))


def whole(row: rows.Message) -> Message | rows.Message:
    """A message that has been read with its journal, if it has one, and what that adds to it."""
    if row.journal is None:
        return row
    message = Message(**{name: getattr(row, name) for name in rows.MESSAGE})
    message.content = parts.content(_with(message.parts, row.journal))
    return message
