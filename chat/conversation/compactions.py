"""Compactions: what a model is told in place of a message and all that precedes it on its path.

They stand with the message that they go up to, so that every branch through it has them, and no other one. A model
writes them when a conversation outgrows its window (`chat.runs.compaction`); a person may change them, take them away,
or write one. When something changes that it stands for, a model's is removed, and written anew when it is needed; a
person's stays.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import validation
from chat.conversation import locks, sessions
from chat.conversation.summaries import SummarySource
from chat.refusals import InvalidInput
from chat.scope import Scope, made
from db import compactions, memberships, messages, texts
from db import sessions as session_rows
from db.models import Json, Message, MessageStatus, Session

LENGTH = 10_000
"""Characters of a compaction."""


def of(
    text: str, source: SummarySource, message: Message, model: str | None = None, usage: Mapping[str, int] | None = None
) -> Json:
    """A compaction up to a message as it is stored, written now. `usage` is what it cost, in tokens."""
    return {
        "text": texts.storable(text)[:LENGTH],
        "source": source.value,
        "messageCount": message.depth + 1,
        "at": datetime.now(UTC).isoformat(),
        "model": model,
        "usage": None if usage is None else dict(usage),
    }


async def put(scope: Scope, message_id: UUID, text: str | None) -> Message:
    """Sets what models are told in place of a message and all before it; blank, they are told these again.

    Where they are too long for its window again, the model that answers puts them in short anew.

    Raises:
        NotFound: there is no such message for the viewer.
        NotAllowed: the viewer may only read the session.
        InvalidInput: it is longer than `LENGTH`, or the message is not finished.
    """
    clean = None if text is None else validation.note("text", text, LENGTH)
    async with scope.write() as tx:
        made(tx, message=message_id)
        message = await locks.said(tx, message_id)
        session, _ = await locks.message(tx, scope, message)
        if message.status in (MessageStatus.PENDING, MessageStatus.STREAMING):
            raise InvalidInput("id", "It is still being written. Wait for its end, or stop its run.")
        if clean == _text(message.compaction):
            return message
        compaction = None if clean is None else of(clean, SummarySource.PERSON, message)
        session = await session_rows.advance(tx, session.id) or session
        message = await messages.change(tx, message_id, session.head, {"compaction": compaction})
        heads = await memberships.touch(tx, session.id)
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return message


def _text(stored: Json | None) -> str | None:
    return None if stored is None else str(stored["text"])


async def outdate(tx: AsyncSession, session: Session, changed: Message) -> Session:
    """Removes what models have put in short of a message that is about to change. Its session's row must be locked.

    It does not touch the members of the session.
    """
    over = await compactions.over(tx, changed)
    if not over:
        return session
    advanced = await session_rows.advance(tx, session.id, len(over))
    assert advanced is not None
    await compactions.remove(tx, over, advanced.head - len(over))
    return advanced
