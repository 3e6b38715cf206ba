"""What a producer outside says, stored and told event by event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from chat.refusals import InvalidInput, SequenceGap
from chat.runs import leases
from chat.scope import Scope
from db import deltas, messages
from db.models import Run
from sync import channels, in_flight
from sync.parts import JournalEvent
from sync.reply_builder import Draft, KeptDraft

MOST_EVENTS = 1_000
"""Events of one append."""

LARGEST_DATA = 64 * 1024
"""Bytes of the value of a `data` part, as JSON: every window gets it whole, and again with each page."""

type Said = Callable[[Draft], JournalEvent]
"""One event of a producer: what it adds to the draft. It may raise `KeyError` for a tool call that there is not."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a producer learns from an append, once everything is on disk."""

    last_seq: int
    """The number of the last event that is stored."""
    run: Run
    """The run as it is: its lease, whether someone wants it to end, and what a person has answered."""


async def append(scope: Scope, run_id: UUID, epoch: int, from_seq: int, said: Sequence[Said]) -> Acknowledgement:
    """Stores events, the first of which has the number `from_seq`, and renews the lease. Returns when they are on disk.

    Windows are told right after. An append without events is a sign of life.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: there are too many events, or one names a tool call that there is not, or that has its result.
        Fenced: another producer has a later epoch.
        RunClosed: the run is over.
        SequenceGap: events before `from_seq` are missing.
    """
    if len(said) > MOST_EVENTS:
        raise InvalidInput("events", f"Append at most {MOST_EVENTS} events at once.")
    if from_seq < 1:
        raise InvalidInput("fromSeq", "Events are numbered from 1.")
    process = scope.process
    await leases.authorise(scope, run_id)
    async with process.db.system() as tx:
        run = await leases.hold(tx, scope, run_id, epoch)
        kept = await _draft(tx, scope, run)
        if from_seq > kept.last + 1:
            raise SequenceGap(kept.last + 1)
        events = [_event(kept.draft, each) for each in said[kept.last + 1 - from_seq :]]
        encoded = orjson.dumps(events)
        first = kept.last + 1
        if events:
            await deltas.add(tx, deltas.Entry(run_id, epoch, first, len(events), encoded))
    kept.last += len(events)
    process.drafts.keep(run_id, kept)
    if events:
        line = channels.Line.of(run.session_id, run_id, run.message_id)
        channels.send(process.bus, line, epoch, first, encoded)
    return Acknowledgement(kept.last, run)


def _event(draft: Draft, said: Said) -> JournalEvent:
    try:
        event = said(draft)
    except KeyError as error:
        reason = f"There is no tool call {error.args[0]!r} in this message, or it has its result already."
        raise InvalidInput("events", reason) from error
    match event:
        case ("p", _, {"kind": "data", "value": value}) if (size := len(orjson.dumps(value))) > LARGEST_DATA:
            reason = f"`data` has at most {LARGEST_DATA:,} bytes as JSON; this has {size:,}. Keep more elsewhere."
            raise InvalidInput("events", reason)
    return event


async def _draft(tx: AsyncSession, scope: Scope, run: Run) -> KeptDraft:
    """The draft of a held run: the kept one, unless another process has stored events since."""
    kept = scope.process.drafts.take(run.id, run.epoch)
    epoch, last = await deltas.end(tx, run.id) or (run.epoch, 0)
    stored = last if epoch == run.epoch else 0
    if kept is not None and kept.last == stored:
        return kept
    message = await messages.get(tx, run.message_id)
    assert message is not None
    journal = (await deltas.of_runs(tx, [run.id])).get(run.id, ())
    return KeptDraft(run.epoch, stored, Draft(in_flight.folded(message, journal)))
