"""Messages: sent, and read along a path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import doorbells, flight, limits, parts, placing, sessions, titles
from chat.refusals import IdTaken, InvalidInput
from chat.scope import Scope
from chat.sessions import NewSession, Seen
from db import branches, memberships, messages, runs
from db import sessions as session_rows
from db.failures import duplicate
from db.models import Message, MessageRole, MessageStatus, Run, Session, TitleSource
from db.page import Page, Span

PREVIEW = 200
"""Characters of a session's last message that its lists show."""


class Tip(Enum):
    """Stands for the end of the branch that the viewer sees."""

    TIP = "tip"


TIP: Literal[Tip.TIP] = Tip.TIP


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message, and the reply that is on its way."""

    seen: Seen
    message: Message
    reply: Message
    run: Run


async def send(
    scope: Scope,
    session: UUID | NewSession,
    text: str,
    *,
    message_id: UUID | None = None,
    parent_id: UUID | Literal[Tip.TIP] | None = TIP,
    metadata: object = None,
    client_created_at: datetime | None = None,
) -> Exchange:
    """Stores a user's message, an empty reply and the queued run that will write it, all or nothing.

    A `NewSession` is made in the same transaction. With a client-made id, doing it again returns what the first call
    made. Without `parent_id` the message goes to the end of the branch that the viewer sees; with it, it may begin a
    new branch.

    Raises:
        InvalidInput: a value cannot be used.
        NotFound: there is no such session, project or agent.
        NotAllowed: the viewer may only read the session.
        IdTaken: an id belongs to something else.
    """
    text = limits.text("text", text)
    meta = limits.metadata("metadata", metadata or {})
    try:
        async with scope.tx() as tx:
            if message_id is not None and (found := await _sent(tx, scope, message_id)) is not None:
                return found
            seen = await _session(tx, scope, session)
            message = Message(
                id=message_id or uuid7(),
                role=MessageRole.USER,
                status=MessageStatus.COMPLETE,
                parts=[parts.text(text)],
                content=text,
                meta=meta,
                author_id=scope.viewer.id,
                client_created_at=client_created_at,
            )
            exchange, heads = await _store(tx, scope, seen, message, parent_id)
    except IntegrityError as error:
        return await _after_conflict(scope, session, message_id, error)
    process = scope.process
    sessions.ring(process, exchange.seen[0])
    sessions.ring_members(process, heads)
    doorbells.queued(process.bus, process.id)
    return exchange


async def _session(tx: AsyncSession, scope: Scope, session: UUID | NewSession) -> Seen:
    if isinstance(session, UUID):
        return await sessions.writable(tx, scope, session)
    if session.id is not None and (found := await sessions.existing(tx, scope, session.id)) is not None:
        return found
    return await sessions.begin(tx, scope, session)


async def _sent(tx: AsyncSession, scope: Scope, message_id: UUID) -> Exchange | None:
    """What an earlier call with this id made."""
    message = await messages.get(tx, message_id)
    if message is None:
        return None
    reply = await runs.reply(tx, message_id)
    if message.role is not MessageRole.USER or reply is None:
        raise IdTaken("id")
    return Exchange(await sessions.seen(tx, scope, message.session_id), message, *reply)


async def _after_conflict(
    scope: Scope, session: UUID | NewSession, message_id: UUID | None, error: IntegrityError
) -> Exchange:
    """What a simultaneous call with the same id made."""
    if not duplicate(error):
        raise error
    if message_id is not None:
        async with scope.tx() as tx:
            if (found := await _sent(tx, scope, message_id)) is not None:
                return found
    taken = isinstance(session, NewSession) and (session.external_id is not None or session.id is not None)
    raise IdTaken("session" if taken else "id") from error


async def _store(
    tx: AsyncSession, scope: Scope, seen: Seen, message: Message, parent_id: UUID | Literal[Tip.TIP] | None
) -> tuple[Exchange, Mapping[UUID, int]]:
    """Places and numbers the message, its reply and the run: the last three numbers of the session."""
    session = await session_rows.advance(
        tx,
        seen[0].id,
        3,
        message_count=Session.message_count + 2,
        last_message_preview=preview(message.content),
        last_activity_at=func.clock_timestamp(),
    )
    if session is None:
        raise InvalidInput("sessionId", "The session was deleted just now.")
    member = seen[1]
    place = (
        await placing.at_tip(tx, session, member) if parent_id is TIP else await placing.under(tx, session, parent_id)
    )
    first = session.head - 2
    message.session_id = session.id
    message.parent_id, message.branch, message.depth = place.parent_id, place.branch, place.depth
    message.seq, message.origin = first, scope.viewer.client
    run_id = uuid7()
    reply = Message(
        id=uuid7(),
        session_id=session.id,
        parent_id=message.id,
        branch=place.branch,
        depth=place.depth + 1,
        role=MessageRole.ASSISTANT,
        status=MessageStatus.PENDING,
        run_id=run_id,
        seq=first + 1,
        origin=scope.viewer.client,
    )
    run = Run(
        id=run_id,
        session_id=session.id,
        message_id=reply.id,
        agent_id=session.agent_id,
        requested_by=scope.viewer.id,
        position=session.head,
        seq=session.head,
        origin=scope.viewer.client,
    )
    await messages.add(tx, message, reply)
    await runs.add(tx, run)
    session = await _current(tx, session, message)
    heads = await memberships.touch(tx, session.id, session.last_activity_at)
    if member.branch is not None and member.branch != place.branch:
        member = await memberships.change(
            tx, session.id, member.user_id, heads[member.user_id], {"branch": place.branch}
        )
    return Exchange((session, member), message, reply, run), heads


async def _current(tx: AsyncSession, session: Session, message: Message) -> Session:
    """Sets what the session's row says of its newest message."""
    values: dict[str, Any] = {}
    if session.current_branch != message.branch:
        values["current_branch"] = message.branch
    if session.title_source is TitleSource.NONE:
        values |= {"title": titles.first_words(message.content), "title_source": TitleSource.FIRST_WORDS}
    if not values:
        return session
    return await session_rows.advance(tx, session.id, 0, **values) or session


def preview(content: str) -> str:
    """The beginning of a message, on one line."""
    line = " ".join(content[: PREVIEW * 2].split())
    return line if len(line) <= PREVIEW else line[: PREVIEW - 1] + "…"


@dataclass(frozen=True, slots=True)
class PathKey:
    """A place on a path that a page can begin or end at."""

    branch: int
    depth: int


async def page(scope: Scope, session_id: UUID, span: Span[PathKey]) -> tuple[Page[Message], int]:
    """Messages along one path, and which branch that is: the one of the span's keys, or else the one the viewer sees.

    A message that is being written has its text so far.

    Raises:
        NotFound: there is no such session for the viewer.
        InvalidInput: the keys are of another path.
    """
    async with scope.tx(snapshot=True) as tx:
        session, member = await sessions.seen(tx, scope, session_id)
        keys = {key.branch for key in (span.after, span.before) if key is not None}
        if len(keys) > 1:
            raise InvalidInput("before", "`after` and `before` are cursors of different branches.")
        number = keys.pop() if keys else placing.shown(session, member)
        branch = await branches.get(tx, session_id, number)
        if branch is None:
            raise InvalidInput("after", "The cursor is of a branch that this session does not have.")
        depths = Span(
            span.limit,
            after=None if span.after is None else span.after.depth,
            before=None if span.before is None else span.before.depth,
            backward=span.backward,
        )
        found = await messages.page(tx, branch, depths)
        await flight.complete(tx, found.rows)
        return found, number


async def count(scope: Scope, session_id: UUID, branch: int | None = None) -> int:
    """How many messages the path of a branch has; of the branch that the viewer sees, if none is given."""
    async with scope.tx() as tx:
        session, member = await sessions.seen(tx, scope, session_id)
        return await messages.depth(tx, session_id, placing.shown(session, member) if branch is None else branch)


async def of_ids(scope: Scope, message_ids: Sequence[UUID]) -> Sequence[Message | None]:
    """The messages in the order of their ids."""
    async with scope.tx(snapshot=True) as tx:
        found = await messages.of_ids(tx, message_ids)
        await flight.complete(tx, found.values())
    return [found.get(message_id) for message_id in message_ids]
