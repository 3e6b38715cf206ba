"""Trying again: another reply in place of one, or the same reply taken up where it stopped."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat.conversation import compactions, locks, placement, reply_requests, sessions
from chat.conversation.reply_requests import Reply, WhenBusy
from chat.conversation.sessions import Seen
from chat.quotas import quotas
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope, made
from db import memberships, messages, runs
from db import sessions as session_rows
from db.models import ACTIVE, FinishReason, Message, MessageRole, MessageStatus, Run, RunStatus
from sync import channels

_STOPPED = (RunStatus.CANCELLED, RunStatus.INTERRUPTED, RunStatus.FAILED)
_CUT_OFF = (FinishReason.LENGTH, FinishReason.PAUSED)


async def retry(scope: Scope, run_id: UUID, *, when_busy: WhenBusy = WhenBusy.QUEUE) -> tuple[Seen, Reply]:
    """Asks for another reply to the same message. It stands beside the first one, on a branch of its own.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: the run is not over.
        Busy: a reply is being written, and `when_busy` says not to wait for it.
        QuotaExceeded: as many replies are asked for as may be, or there is no room for one.
    """
    async with scope.write() as tx:
        await quotas.claim(tx, scope, runs=1, on=run_id)
        seen, run, message = await _ended(tx, scope, run_id)
        parent = None if message.parent_id is None else await messages.get(tx, message.parent_id)
        if parent is None or parent.is_withdrawn:
            raise InvalidInput("id", "The message that it answered is gone.")
        reply = await reply_requests.reply(tx, scope, seen[0], parent, when_busy=when_busy, agent_id=run.agent_id)
        made(tx, run=reply.run.id)
        session, member = seen
        heads = await memberships.touch(tx, session.id, session.last_activity_at)
        seen = session, await placement.follow(tx, member, reply.message.branch, heads)
    return _told(scope, seen, reply, heads)


async def answer(scope: Scope, message_id: UUID, *, when_busy: WhenBusy = WhenBusy.QUEUE) -> tuple[Seen, Reply]:
    """Asks for a reply to a message, or for another one: also where no run has replied to it in this session.

    Raises:
        NotFound: there is no such message for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: the message is a reply itself.
        Busy: a reply is being written, and `when_busy` says not to wait for it.
        QuotaExceeded: as many replies are asked for as may be, or there is no room for one.
    """
    async with scope.write() as tx:
        parent = await locks.said(tx, message_id)
        if parent.role is MessageRole.ASSISTANT:
            raise InvalidInput("id", "That is a reply itself. Name the message to reply to.")
        await quotas.claim(tx, scope, runs=1, on=message_id)
        session, member = await locks.message(tx, scope, parent)
        reply = await reply_requests.reply(tx, scope, session, parent, when_busy=when_busy)
        made(tx, run=reply.run.id)
        heads = await memberships.touch(tx, session.id, session.last_activity_at)
        seen = session, await placement.follow(tx, member, reply.message.branch, heads)
    return _told(scope, seen, reply, heads)


async def resume(scope: Scope, run_id: UUID) -> tuple[Seen, Reply]:
    """Has a reply that was stopped or cut off taken up where it ends, by a new run that writes into the same message.

    The viewer sees a path through it, as everybody does who has chosen no branch.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: the run is not over, came to its end, or another one has taken its reply up.
        QuotaExceeded: as many replies are asked for as may be, or there is no room for one.
    """
    async with scope.write() as tx:
        await quotas.claim(tx, scope, runs=1, on=run_id)
        seen, run, message = await _ended(tx, scope, run_id)
        if run.status not in _STOPPED and run.finish_reason not in _CUT_OFF:
            raise InvalidInput("id", "This reply came to its end. Ask for another one with `retryRun`.")
        if message.run_id != run.id:
            raise InvalidInput("id", "Another run has taken this reply up.")
        await compactions.outdate(tx, seen[0], message)
        current = await placement.through(tx, message, seen[0].current_branch)
        session = await session_rows.advance(tx, run.session_id, 2, current_branch=current)
        if session is None:
            raise NotFound("run")
        again = Run(
            id=uuid7(),
            session_id=session.id,
            message_id=message.id,
            agent_id=run.agent_id,
            requested_by=scope.viewer.id,
            position=session.head,
            seq=session.head,
        )
        await runs.add(tx, again)
        pending = {
            "status": MessageStatus.PENDING,
            "run_id": again.id,
            "error": None,
            "news_seq": None,
            "finish_reason": None,
        }
        message = await messages.change(tx, message.id, session.head - 1, pending)
        made(tx, run=again.id)
        heads = await memberships.touch(tx, session.id, session.last_activity_at)
        await memberships.renew_news(tx, session.id)
        member = await memberships.get(tx, session.id, scope.viewer.id) or seen[1]
        if member.branch is not None:
            member = await placement.follow(tx, member, await placement.through(tx, message, member.branch), heads)
    return _told(scope, (session, member), Reply(message, again), heads)


async def _ended(tx: AsyncSession, scope: Scope, run_id: UUID) -> tuple[Seen, Run, Message]:
    """The run, which is over, with its reply and its session, whose row is locked."""
    seen, run = await locks.run(tx, scope, run_id)
    if run.status in ACTIVE:
        raise InvalidInput("id", "The run is not over. Stop it first, with `cancelRun`.")
    message = await messages.get(tx, run.message_id)
    if message is None or message.is_withdrawn:
        raise NotFound("run")
    return seen, run, message


def _told(scope: Scope, seen: Seen, reply: Reply, heads: Mapping[UUID, int]) -> tuple[Seen, Reply]:
    process = scope.process
    sessions.ring(process, seen[0])
    sessions.ring_members(process, heads)
    channels.stop(process.bus, reply.interrupted)
    channels.queued(process.bus, process.id)
    return seen, reply
