"""Messages: sent, and read along a path."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, Protocol, TypedDict
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import validation
from chat.conversation import first_words, placement, reply_requests, sessions
from chat.conversation.reply_requests import Reply, WhenBusy
from chat.conversation.sessions import NewSession, Seen
from chat.library import nodes
from chat.quotas import quotas
from chat.refusals import IdTaken, InvalidInput, NotFound
from chat.scope import Scope, made
from db import memberships, messages, paths, rows, runs
from db import sessions as session_rows
from db.failures import duplicate
from db.models import Json, Message, MessageRole, MessageStatus, Run
from db.page import Page, Span
from sync import channels, in_flight, parts


class _How(TypedDict):
    """How a message is stored."""

    repeatable: bool
    from_draft: bool


class Tip(Enum):
    """Stands for the end of the branch that the viewer sees."""

    TIP = "tip"


TIP: Literal[Tip.TIP] = Tip.TIP


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that was stored."""

    seen: Seen
    message: Message


@dataclass(frozen=True, slots=True)
class Exchange(Posted):
    """A message, and the reply that is on its way."""

    reply: Message
    run: Run


async def send(
    scope: Scope,
    to: UUID | NewSession,
    text: str,
    *,
    message_id: UUID | None = None,
    parent_id: UUID | Literal[Tip.TIP] | None = TIP,
    metadata: object = None,
    client_created_at: datetime | None = None,
    beside_text: Sequence[Json] = (),
    when_busy: WhenBusy = WhenBusy.QUEUE,
    from_draft: bool = True,
) -> Exchange:
    """Stores a user's message, an empty reply and the queued run that will write it, all or nothing.

    A `NewSession` is made in the same transaction. With a client-made id, doing it again returns what the first call
    made. Without `parent_id` the message goes to the end of the branch that the viewer sees; with it, it may begin a
    new branch. `beside_text` are parts that come after the text. It takes the viewer's draft in the session away,
    unless it is not `from_draft`.

    Raises:
        InvalidInput: a value cannot be used.
        NotFound: there is no such session, project or agent.
        NotAllowed: the viewer may only read the session.
        IdTaken: an id belongs to something else.
        Busy: a reply is being written, and `when_busy` says not to wait for it.
        QuotaExceeded: the account, or the agent, allows no more messages, sessions or replies.
    """
    message = _message(scope, text, message_id, metadata, client_created_at, beside_text)
    how: _How = {"repeatable": message_id is not None, "from_draft": from_draft}
    posted, reply = await _say(scope, to, message, parent_id, **how, when_busy=when_busy)
    if reply is None:
        raise IdTaken("id")
    return Exchange(posted.seen, posted.message, reply.message, reply.run)


async def post(
    scope: Scope,
    to: UUID | NewSession,
    text: str,
    *,
    message_id: UUID | None = None,
    parent_id: UUID | Literal[Tip.TIP] | None = TIP,
    metadata: object = None,
    client_created_at: datetime | None = None,
    beside_text: Sequence[Json] = (),
    from_draft: bool = True,
) -> Posted:
    """Stores a user's message alone, for an app that answers by itself (`chat.runs.producers`). Else as `send`."""
    message = _message(scope, text, message_id, metadata, client_created_at, beside_text)
    how: _How = {"repeatable": message_id is not None, "from_draft": from_draft}
    return (await _say(scope, to, message, parent_id, **how, when_busy=None))[0]


def _message(
    scope: Scope,
    text: str,
    message_id: UUID | None,
    metadata: object,
    client_created_at: datetime | None,
    beside_text: Sequence[Json],
) -> Message:
    text = validation.text("text", text)
    return Message(
        id=message_id or uuid7(),
        role=MessageRole.USER,
        status=MessageStatus.COMPLETE,
        parts=[parts.text(text), *beside_text],
        content=text,
        meta=validation.metadata("metadata", metadata),
        author_id=scope.viewer.id,
        client_created_at=client_created_at,
    )


class _Asked(TypedDict, total=False):
    """Whose limits count."""

    on: UUID | None
    agent_id: UUID | None
    template_id: UUID | None


def _asked(to: UUID | NewSession) -> _Asked:
    if isinstance(to, UUID):
        return {"on": to}
    return {"on": to.id, "agent_id": to.agent_id, "template_id": to.template_id}


async def _say(
    scope: Scope,
    to: UUID | NewSession,
    message: Message,
    parent_id: UUID | Literal[Tip.TIP] | None,
    *,
    repeatable: bool,
    when_busy: WhenBusy | None,
    from_draft: bool,
) -> tuple[Posted, Reply | None]:
    """Stores a message, and asks for a reply unless `when_busy` is None."""
    if isinstance(to, NewSession) and to.id == message.id:
        raise IdTaken("newSession.id")
    try:
        async with scope.write() as tx:
            made(tx, message=message.id)
            if repeatable and not await nodes.claim(tx, "message", message.id):
                found = await _said(tx, scope, to, message.id)
                if found[1] is not None:
                    made(tx, run=found[1].run.id)
                return found
            if isinstance(to, NewSession) and to.id is not None:
                begun = await sessions.existing(tx, scope, to.id, "newSession.id")
                to = to if begun is None else to.id
            await quotas.claim(tx, scope, message=message, runs=int(when_busy is not None), **_asked(to))
            seen = await _store(tx, await _session(tx, scope, to), message, parent_id)
            reply = None
            if when_busy is not None:
                reply = await reply_requests.reply(tx, scope, seen[0], message, when_busy=when_busy)
                made(tx, run=reply.run.id)
            heads = await memberships.touch(
                tx,
                seen[0].id,
                seen[0].last_activity_at,
                news=message.news_seq,
                author_id=scope.viewer.id,
                sent_id=message.id if from_draft else None,
            )
            memberships.note_said(seen[1], message.seq, message.id if from_draft else None)
            seen = seen[0], await placement.follow(tx, seen[1], message.branch, heads)
    except IntegrityError as error:
        if duplicate(error) != sessions.EXTERNAL_IDS:
            raise
        raise IdTaken("newSession.externalId") from error
    process = scope.process
    sessions.ring(process, seen[0])
    sessions.ring_members(process, heads)
    if reply is not None:
        channels.stop(process.bus, reply.interrupted)
        channels.queued(process.bus, process.id)
    return Posted(seen, message), reply


async def _session(tx: AsyncSession, scope: Scope, to: UUID | NewSession) -> Seen:
    if isinstance(to, UUID):
        return await sessions.writable(tx, scope, to)
    return await sessions.begin(tx, scope, to)


async def _said(tx: AsyncSession, scope: Scope, to: UUID | NewSession, message_id: UUID) -> tuple[Posted, Reply | None]:
    """What an earlier call with this id made.

    Raises:
        IdTaken: another one made it, or somebody else.
    """
    message = await messages.get(tx, message_id)
    if message is None:
        raise IdTaken("id")
    session_id = to if isinstance(to, UUID) else to.id or message.session_id
    if message.author_id != scope.viewer.id or message.session_id != session_id:
        raise IdTaken("id")
    first = await runs.reply(tx, message_id)
    if first is not None:
        await in_flight.show(tx, first[0])
    return Posted(await sessions.seen(tx, scope, message.session_id), message), Reply(*first) if first else None


async def _store(tx: AsyncSession, seen: Seen, message: Message, parent_id: UUID | Literal[Tip.TIP] | None) -> Seen:
    """Places and numbers the message, and makes its branch the one that is shown."""
    session, member = seen
    if not await session_rows.say(tx, session, parts.preview(message.content), first_words.of(message.content)):
        raise NotFound("session")
    if parent_id is TIP:
        place = await placement.at_tip(tx, session, member)
    else:
        place = await placement.under(tx, session, parent_id)
    message.session_id = session.id
    message.parent_id, message.branch, message.depth = place.parent_id, place.branch, place.depth
    message.seq = message.news_seq = session.head
    await messages.add(tx, message)
    if session.current_branch != place.branch:
        session = await session_rows.advance(tx, session.id, 0, current_branch=place.branch) or session
    return session, member


@dataclass(frozen=True, slots=True)
class PathKey:
    """A place on a path that a page can begin or end at."""

    branch: int
    depth: int


class OnBranch(Protocol):
    """A place on the path of a branch."""

    @property
    def branch(self) -> int:
        """The branch."""


def branch_of(span: Span[OnBranch], otherwise: int | None) -> int | None:
    """The branch whose path a span is of; `otherwise` where the span does not say.

    Raises:
        InvalidInput: its keys are of different branches.
    """
    keys = {key.branch for key in (span.after, span.before) if key is not None}
    if len(keys) > 1:
        raise InvalidInput("before", "`after` and `before` are cursors of different branches.")
    return keys.pop() if keys else otherwise


async def page(
    scope: Scope, session_id: UUID, span: Span[PathKey], *, branch: int | None = None
) -> tuple[Page[Message | rows.Message], int]:
    """Messages along one path, and which branch that is: the one of the span's keys, or else `branch`.

    Without either it is the one that the viewer sees.

    A message that is being written has its text so far.

    Raises:
        NotFound: there is no such session for the viewer.
        InvalidInput: the keys are of another path.
    """
    branch = branch_of(span, branch)
    depths = Span(
        span.limit,
        after=None if span.after is None else span.after.depth,
        before=None if span.before is None else span.before.depth,
        backward=span.backward,
    )
    path = await paths.page(scope.reader, session_id, branch, depths)
    if path is None:
        raise NotFound("session")
    if path.branch is None:
        raise InvalidInput("after", "The cursor is of a branch that this session does not have.")
    found = path.page
    return Page([in_flight.whole(row) for row in found.rows], found.has_previous, found.has_next), path.branch


async def count(scope: Scope, session_id: UUID, branch: int | None = None) -> int:
    """How many messages the path of a branch has; of the branch that the viewer sees, if none is given."""
    async with scope.tx() as tx:
        session, member = await sessions.seen(tx, scope, session_id)
        return await messages.depth(tx, session_id, placement.shown(session, member) if branch is None else branch)


async def of_ids(scope: Scope, message_ids: Sequence[UUID]) -> Sequence[Message | rows.Message | None]:
    """The messages in the order of their ids, each with its text so far."""
    found = {row.id: in_flight.whole(row) for row in await messages.looked_up(scope.reader, message_ids)}
    return [found.get(message_id) for message_id in message_ids]
