"""Messages said otherwise: as a branch beside what was said, or in its place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import validation
from chat.conversation import compactions, first_words, locks, messages, sessions
from chat.conversation.messages import Posted
from chat.conversation.reply_requests import WhenBusy
from chat.quotas import quotas, sizes
from chat.refusals import IdTaken, InvalidInput, MessageConflict, NotAllowed, NotFound
from chat.scope import Scope, made
from db import memberships, revisions, rows
from db import messages as message_rows
from db import sessions as session_rows
from db.models import Message, MessageRole, MessageStatus, Session, TitleSource
from sync import parts

_UNFINISHED = (MessageStatus.PENDING, MessageStatus.STREAMING)


async def edit(
    scope: Scope,
    message_id: UUID,
    text: str,
    *,
    new_id: UUID | None = None,
    metadata: object = None,
    client_created_at: datetime | None = None,
    when_busy: WhenBusy | None = WhenBusy.QUEUE,
) -> Posted:
    """Stores a user's message said otherwise, beside the first one, and has it answered unless `when_busy` is None.

    The viewer sees the new branch, and their draft stays. What is not text, and metadata that is not given, are those
    of the first message.
    An `Exchange` comes back where a reply is on its way; else as `messages.send`.

    Raises:
        NotFound: there is no such message for the viewer.
        InvalidInput: no person wrote it, or a value cannot be used.
        NotAllowed, IdTaken, Busy: see `messages.send`.
    """
    (first,) = await messages.of_ids(scope, [message_id])
    if first is None or first.withdrawn_at is not None:
        async with scope.write():  # a repetition is answered, though the message has gone since
            raise NotFound("message")
    if first.role is not MessageRole.USER:
        raise InvalidInput("messageId", "Only what a person said is edited so. For a reply: retryRun, reviseMessage.")
    if new_id == message_id:
        raise IdTaken("id")
    said: dict[str, Any] = {
        "message_id": new_id,
        "parent_id": first.parent_id,
        "metadata": first.meta if metadata is None else metadata,
        "client_created_at": client_created_at,
        "beside_text": [part for part in first.parts if part["kind"] != "text"],
        "from_draft": False,
    }
    if when_busy is None:
        return await messages.post(scope, first.session_id, text, **said)
    return await messages.send(scope, first.session_id, text, **said, when_busy=when_busy)


async def revise(
    scope: Scope,
    message_id: UUID,
    *,
    text: str | None = None,
    metadata: object = None,
    expected_version: int | None = None,
) -> Message:
    """Says a message otherwise in its place, and keeps how it was as a revision.

    What a person said is for that person alone to revise; the rest, for everybody who may write in the session.

    Raises:
        NotFound: there is no such message for the viewer.
        NotAllowed: somebody else said it, or the viewer may only read the session.
        InvalidInput: a value cannot be used, or the message is not finished.
        QuotaExceeded: there is no room for what it would say.
        MessageConflict: the message has another version than the expected one.
    """
    values: dict[str, Any] = {}
    if metadata is not None:
        values["meta"] = validation.metadata("metadata", metadata)
    if text is not None:
        text = validation.text("text", text)
    async with scope.write() as tx:
        made(tx, message=message_id)
        await sizes.check(tx, scope, text=text, metadata=values.get("meta"), on=message_id)
        earlier = await quotas.weigh(tx, scope)
        session, message = await _revisable(tx, scope, message_id)
        if expected_version not in (None, message.version):
            tx.expunge_all()  # the refusal outlives the transaction
            raise MessageConflict(message)
        if text is not None:
            values |= {"parts": parts.reworded(message.parts, text), "content": text}
        session = session if text is None else await compactions.outdate(tx, session, message)
        session = await session_rows.advance(tx, session.id, **retold(session, message, text)) or session
        message = await replace(tx, scope, message, session.head, values)
        await quotas.fit(tx, scope, earlier)
        heads = await memberships.touch(tx, session.id)
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return message


async def replace(tx: AsyncSession, scope: Scope, message: Message, seq: int, values: dict[str, Any]) -> Message:
    """Keeps how a message is as a revision, and gives it new values. Its session's row must be locked."""
    await revisions.keep(tx, message, scope.viewer.id)
    return await message_rows.change(tx, message.id, seq, {**values, "version": message.version + 1})


def retold(session: Session, message: Message, text: str | None) -> dict[str, Any]:
    """What of a session's row repeats a message that says this from now on, as it is then."""
    changes: dict[str, Any] = {}
    if text is None:
        return changes
    if session.title_source is TitleSource.FIRST_WORDS and session.title == first_words.of(message.content):
        changes["title"] = first_words.of(text)
    if session.last_message_preview == parts.preview(message.content):
        changes["last_message_preview"] = parts.preview(text)
    return changes


async def _revisable(tx: AsyncSession, scope: Scope, message_id: UUID) -> tuple[Session, Message]:
    """The message, finished and the viewer's to revise, with its session, whose row is locked."""
    message = await locks.said(tx, message_id)
    session, _ = await locks.message(tx, scope, message)
    if message.role is MessageRole.USER and message.author_id != scope.viewer.id:
        raise NotAllowed("Only who said it can revise it. Say it otherwise on a branch of your own: `editMessage`.")
    if message.status in _UNFINISHED:
        raise InvalidInput("id", "It is still being written. Wait for its end, or stop its run.")
    return session, message


async def revisions_of(scope: Scope, asked: Sequence[revisions.Asked]) -> Sequence[Sequence[rows.Revision]]:
    """Earlier states of messages, newest first, in the order in which they are asked for."""
    return await revisions.of_messages(scope.reader, asked)
