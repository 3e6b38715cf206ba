"""Producers outside: apps with their own agent loop write runs through the API.

A producer holds a run in an epoch and numbers its events from 1 in it. Appending is safe to repeat: what is stored
already is passed over, what follows is stored, and a gap names the number that is expected. One transaction takes the
run's row, so an append, an end and a takeover never overlap, whichever processes they go through.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import references
from chat.conversation import locks, placement, reply_requests, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.library import nodes
from chat.quotas import quotas
from chat.refusals import Fenced, IdTaken, InvalidInput, NotFound, RunClosed, SequenceGap
from chat.runs import leases, runs
from chat.runs.runs import Outcome
from chat.scope import Scope, made
from db import deltas, memberships, messages
from db import runs as run_rows
from db import sessions as session_rows
from db.models import ACTIVE, Executor, Message, MessageRole, Run, RunStatus
from sync import channels, in_flight


@dataclass(frozen=True, slots=True)
class Held:
    """A run in the hands of a producer, with the message it writes as far as it is."""

    run: Run
    message: Message


async def start(
    scope: Scope,
    message_id: UUID,
    *,
    run_id: UUID | None = None,
    agent_id: UUID | None = None,
    when_busy: WhenBusy = WhenBusy.REJECT,
) -> Held:
    """Begins a reply to a message, to be written by the caller. With a client-made id it can be repeated.

    That is asking for a reply: the viewer whose token the caller has sees its branch.
    With `WhenBusy.QUEUE` the run may be queued still; `take_over` it when it is next.

    Raises:
        NotFound: there is no such message or agent for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: the message is none to reply to.
        Busy: a reply is being written.
        QuotaExceeded: as many replies are asked for as may be, or there is no room for one.
        IdTaken: the id belongs to something else.
    """
    process = scope.process
    async with scope.write() as tx:
        parent = await locks.said(tx, message_id)
        if parent.role is MessageRole.ASSISTANT:
            raise InvalidInput("messageId", "That is a reply itself. Name the message to reply to.")
        if run_id is not None and not await nodes.claim(tx, "run", run_id):
            made(tx, run=run_id)
            return await _existing(tx, scope, run_id, parent)
        await references.check(tx, agent=agent_id)
        await quotas.claim(tx, scope, runs=1, on=message_id, agent_id=agent_id)
        session, member = await locks.message(tx, scope, parent)
        reply = await reply_requests.reply(
            tx,
            scope,
            session,
            parent,
            when_busy=when_busy,
            executor=Executor.APP,
            run_id=run_id,
            agent_id=agent_id,
        )
        held = Held(reply.run, reply.message)
        if when_busy is not WhenBusy.QUEUE or await run_rows.next_in_session(tx, reply.run):
            held = await _take(tx, scope, reply.run)
        made(tx, run=held.run.id)
        heads = await memberships.touch(tx, session.id, session.last_activity_at)
        await placement.follow(tx, member, reply.message.branch, heads)
    sessions.ring(process, session)
    sessions.ring_members(process, heads)
    channels.stop(process.bus, reply.interrupted)
    return held


async def _existing(tx: AsyncSession, scope: Scope, run_id: UUID, parent: Message) -> Held:
    """The run that an earlier call with this id has begun, in answer to the same message.

    Raises:
        IdTaken: it has been begun in answer to another one, or by somebody else.
    """
    await sessions.writable(tx, scope, parent.session_id, "message")
    run = await run_rows.get(tx, run_id)
    message = None if run is None else await messages.get(tx, run.message_id)
    if run is None or message is None or message.parent_id != parent.id:
        raise IdTaken("id")
    await in_flight.show(tx, message)
    return Held(run, message)


async def _take(tx: AsyncSession, scope: Scope, run: Run) -> Held:
    """Puts the run into the caller's hands, in its next epoch. The session's row must be locked."""
    session = await session_rows.advance(tx, run.session_id, 2)
    if session is None:
        raise NotFound("run")
    lease = scope.process.timing.lease_delta
    taken = await run_rows.claim(tx, run.id, session.head, f"app:{run.id}", lease, of=ACTIVE)
    if taken is None:
        raise RunClosed((await leases.current(tx, run.id)).status)
    message = await messages.change(tx, taken.message_id, session.head - 1, runs.BEGUN)
    return Held(taken, message)


async def take_over(scope: Scope, run_id: UUID) -> Held:
    """Takes a run from whoever produces it, who is refused from now on; also one that is queued and next.

    It is what was written to last from now on; nobody's choice of a branch changes. The message has what was written so
    far. The caller numbers its events from 1 again, in the new epoch.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        RunClosed: the run is over.
        InvalidInput: it is queued behind another, or the server itself generates it.
    """
    async with scope.write() as tx:
        made(tx, run=run_id)
        run = await run_rows.get(tx, run_id)
        if run is None:
            raise NotFound("run")
        await sessions.writable(tx, scope, run.session_id, "run")
        leases.check_executor(run)
        session = await session_rows.advance(tx, run.session_id, 0)
        if session is None:
            raise NotFound("run")
        if run.status is RunStatus.QUEUED and not await run_rows.next_in_session(tx, run):
            raise InvalidInput("id", "The run waits for another one. Try again when that is over.")
        held = await _take(tx, scope, run)
        current = await placement.through(tx, held.message, session.current_branch)
        session = await session_rows.advance(tx, run.session_id, 0, current_branch=current) or session
        heads = await memberships.touch(tx, session.id, session.last_activity_at)
        journal = (await deltas.of_runs(tx, [run_id])).get(run_id, ())
        in_flight.extend(held.message, journal)
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return held


async def finish(scope: Scope, run_id: UUID, epoch: int, last_seq: int, outcome: Outcome) -> Held:
    """Ends a run. `last_seq` is the number of the last event, so that none can be missing. It can be repeated.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: the server itself generates the run.
        Fenced: another producer has a later epoch.
        RunClosed: the run was ended by someone else.
        SequenceGap: events up to `last_seq` are missing.
    """
    process = scope.process
    await leases.authorise(scope, run_id)
    async with process.db.system() as tx:
        run = await leases.current(tx, run_id)
        leases.check_executor(run)
        if run.status in ACTIVE:
            run = await leases.hold(tx, scope, run_id, epoch)
            stored = await deltas.end(tx, run_id) or (epoch, 0)
            if (stored[1] if stored[0] == epoch else 0) < last_seq:
                raise SequenceGap(stored[1] + 1 if stored[0] == epoch else 1)
    process.drafts.take(run_id, epoch)
    ended = await runs.finish(process, run, outcome)
    async with scope.tx() as tx:
        run = ended or await leases.current(tx, run_id)
        if run.epoch != epoch:
            raise Fenced(run.epoch)
        if run.status is not outcome.status:
            raise RunClosed(run.status)
        message = await messages.get(tx, run.message_id)
        assert message is not None
    return Held(run, message)
