"""Runs: claimed, cancelled, ended. A run ends once: its text, parts, status and usage commit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import sessions
from chat.process import Process
from chat.refusals import NotFound
from chat.scope import Scope, made
from db import deltas, memberships, messages, receipts, runs
from db import sessions as session_rows
from db.models import ACTIVE, FinishReason, Json, Message, MessageStatus, Run, RunStatus, Session
from sync import channels, in_flight, parts
from sync.cursors import ScopeKind

_MESSAGE_STATUS = {
    RunStatus.COMPLETED: MessageStatus.COMPLETE,
    RunStatus.FAILED: MessageStatus.ERROR,
    RunStatus.CANCELLED: MessageStatus.CANCELLED,
    RunStatus.INTERRUPTED: MessageStatus.INTERRUPTED,
}

BEGUN: Mapping[str, object] = {"status": MessageStatus.STREAMING, "finish_reason": None}
"""What a message is from the moment that a run writes into it."""

_UNANSWERED = {
    RunStatus.COMPLETED: "No result was given.",
    RunStatus.FAILED: "The run failed before there was a result.",
    RunStatus.CANCELLED: "Cancelled before there was a result.",
    RunStatus.INTERRUPTED: "Interrupted before there was a result.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `error` is `{code, reason}` where it failed."""

    status: RunStatus
    error: Mapping[str, str] | None = None
    usage: Mapping[str, int] | None = None
    provider_ref: str | None = None
    provider: str | None = None
    """The provider that answered, by its name here."""
    model: str | None = None
    """The model that answered."""
    finish_reason: FinishReason | None = None
    finish_word: str | None = None
    """The provider's own word for the reason."""
    first_token_at: datetime | None = None
    told_bytes: int | None = None
    """About how much the model was told."""
    output: Json | None = None
    """A part for the end of the message: the answer as data."""


async def of_ids(scope: Scope, run_ids: Sequence[UUID]) -> Sequence[Run | None]:
    """The runs in the order of their ids."""
    async with scope.tx() as tx:
        found = await runs.of_ids(tx, run_ids)
    return [found.get(run_id) for run_id in run_ids]


async def active(scope: Scope, session_ids: Sequence[UUID]) -> Sequence[Sequence[Run]]:
    """For each session, its runs that are not over, in the order in which they are executed."""
    async with scope.tx() as tx:
        found = await runs.active(tx, session_ids)
    return [[run for run in found if run.session_id == session_id] for session_id in session_ids]


async def claim(process: Process) -> Run | None:
    """Takes a queued run that is next in its session; None where there is none."""
    async with process.db.system() as tx:
        for run_id, session_id in await runs.claimable(tx, 1):
            if not await runs.is_queued(tx, run_id):  # it may have ended just before the lock
                continue
            head = await session_rows.step(tx, session_id, 2)
            if head is None:
                continue
            run = await runs.claim(tx, run_id, head, process.id, process.timing.lease_delta)
            assert run is not None  # the session's row is locked, and no run of it changes its status meanwhile
            await messages.begin(tx, run.message_id, head - 1)
            break
        else:
            return None
    channels.ring(process.bus, ScopeKind.SESSION, run.session_id, run.seq)
    return run


async def unheard(process: Process) -> Run | None:
    """A run that the process has claimed without knowing: the claim was stored, and the answer to it was lost."""
    async with process.db.system() as tx:
        run = await runs.unheard(tx, process.id, process.stops.keys(), process.timing.lease_delta)
    if run is not None:
        channels.ring(process.bus, ScopeKind.SESSION, run.session_id, run.seq)
    return run


async def waiting(process: Process) -> bool:
    """Whether a queued run could be claimed."""
    async with process.db.system() as tx:
        return await runs.waiting(tx)


async def cancel(scope: Scope, run_id: UUID) -> Run:
    """Stops a run. One that is over stays as it is; so it can be asked for again and again, from any window.

    Returns the run: it is cancelled already where it was still queued; else its producer stops now, or is cut off
    after the grace time.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
    """
    process = scope.process
    async with scope.write() as tx:
        made(tx, run=run_id)
        run = await runs.get(tx, run_id)
        if run is None:
            raise NotFound("run")
        await sessions.writable(tx, scope, run.session_id, "run")
        if run.cancel_requested_at is None and run.status in ACTIVE:
            run = await _request_cancel(tx, run)
    channels.stop(process.bus, [run_id])
    if run.status is RunStatus.QUEUED:
        return await finish(process, run, Outcome(RunStatus.CANCELLED)) or await _now(scope, run_id)
    if run.status in ACTIVE:
        channels.ring(process.bus, ScopeKind.SESSION, run.session_id, run.seq)
    return run


async def _request_cancel(tx: AsyncSession, run: Run) -> Run:
    """Asks for the end of a run, unless it has ended just now: then no number is taken that no row would carry."""
    if await session_rows.advance(tx, run.session_id, 0) is None:  # from here on nothing ends it
        raise NotFound("run")
    run = await runs.current(tx, run.id) or run
    if run.status not in ACTIVE:
        return run
    session = await session_rows.advance(tx, run.session_id)
    assert session is not None
    return await runs.request_cancel(tx, run.id, session.head) or run


async def cancel_sent(scope: Scope, key: str) -> Run | None:
    """Stops what a mutation with this key asked for. One that has not arrived yet is refused when it does.

    Returns the run; None where there is none, or none yet.
    """
    async with scope.tx() as tx:
        earlier = await receipts.open(tx, scope.viewer.id, key, receipts.CANCELLED)
    if earlier is None or "run" not in earlier.made:
        return None
    return await cancel(scope, UUID(earlier.made["run"]))


async def _now(scope: Scope, run_id: UUID) -> Run:
    async with scope.tx() as tx:
        run = await runs.get(tx, run_id)
        if run is None:
            raise NotFound("run")
        return run


class _Over(Exception):
    """The run has ended already, or is another producer's."""


async def finish(process: Process, run: Run, outcome: Outcome, *, seal: bool = False) -> Run | None:
    """Ends a run: what it journaled becomes the message, in one transaction with status and usage.

    The caller is the run's producer, whose pen is flushed, and may try again; or, with `seal`, anybody else: then what
    the producer is just writing still gets in, and what it writes later is refused. Returns None where the run was
    ended by somebody else, or another producer has taken it.
    """
    try:
        async with process.db.system() as tx:
            if seal and run.producer is not None:
                await deltas.seal(tx, run.producer)
            session = await session_rows.advance(tx, run.session_id, 2, where=())
            assert session is not None
            ended = await _end(tx, run, outcome, session)
            message = await _fold(tx, ended, outcome, session)
            session = await _remember(tx, session, message, outcome)
            heads = await memberships.touch(tx, session.id, session.last_activity_at, news=message.news_seq)
    except _Over:
        return None if seal else await _ended(process, run, outcome)
    _tell(process, session, heads)
    return ended


async def _ended(process: Process, run: Run, outcome: Outcome) -> Run | None:
    """A run that has ended in this very way; None where it has not.

    Perhaps this is the second try, and the first was stored without an answer: so everybody is told.
    """
    async with process.db.system() as tx:
        now = await runs.current(tx, run.id)
        session = await session_rows.get(tx, run.session_id)
        if now is None or session is None or (now.epoch, now.status) != (run.epoch, outcome.status):
            return None
        heads = await memberships.heads(tx, session.id)
    _tell(process, session, heads)
    return now


def _tell(process: Process, session: Session, heads: Mapping[UUID, int]) -> None:
    """Tells the windows that a run has ended, and the workers that the next one can begin."""
    sessions.ring(process, session)
    sessions.ring_members(process, heads)
    channels.queued(process.bus, process.id)


async def _end(tx: AsyncSession, run: Run, outcome: Outcome, session: Session) -> Run:
    values = {
        "usage": None if outcome.usage is None else dict(outcome.usage),
        "error": None if outcome.error is None else dict(outcome.error),
        "provider": outcome.provider,
        "model": outcome.model,
        "finish_reason": outcome.finish_reason,
        "finish_word": outcome.finish_word,
        "first_token_at": outcome.first_token_at,
        "told_bytes": outcome.told_bytes,
    }
    ended = await runs.end(tx, run.id, run.epoch, session.head, outcome.status, values)
    if ended is None:
        raise _Over
    return ended


async def _fold(tx: AsyncSession, run: Run, outcome: Outcome, session: Session) -> Message:
    """Writes the journal into the run's message, and removes it."""
    message = await messages.get(tx, run.message_id)
    assert message is not None
    whole = in_flight.folded(message, (await deltas.of_runs(tx, [run.id])).get(run.id, ()))
    parts.close(whole, _UNANSWERED[outcome.status])
    if outcome.output is not None:
        whole.append(outcome.output)
    values: dict[str, Any] = {
        "parts": whole,
        "content": parts.content(whole),
        "status": _MESSAGE_STATUS[outcome.status],
        "error": None if outcome.error is None else dict(outcome.error),
        "news_seq": session.head - 1,
        "finish_reason": outcome.finish_reason,
    }
    await deltas.discard(tx, run.id)
    return await messages.change(tx, message.id, session.head - 1, values)


async def _remember(tx: AsyncSession, session: Session, message: Message, outcome: Outcome) -> Session:
    """Sets what the session's row says of its newest message."""
    values: dict[str, Any] = {"last_activity_at": func.clock_timestamp()}
    if message.content:
        values["last_message_preview"] = parts.preview(message.content)
    if outcome.provider_ref is not None:
        values["provider_ref"] = outcome.provider_ref
    return await session_rows.advance(tx, session.id, 0, where=(), **values) or session
