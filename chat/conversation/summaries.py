"""What a session has for a summary: its text, up to which message it goes, when it was written, and by whom."""

from collections.abc import Set
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import validation
from chat.conversation import placement
from db import messages, texts
from db.models import Json, Membership, Session

LENGTH = 10_000
"""Characters of a summary."""


class SummarySource(StrEnum):
    """Who wrote a summary. The model's never takes the place of a person's by itself."""

    MODEL = "model"
    PERSON = "person"


def of(text: str, source: SummarySource, message_id: UUID | None, count: int) -> Json:
    """A summary as it is stored, written now, of so many messages up to this one."""
    return {
        "text": texts.storable(text)[:LENGTH],
        "messageId": None if message_id is None else str(message_id),
        "messageCount": count,
        "at": datetime.now(UTC).isoformat(),
        "source": source.value,
    }


async def by_person(tx: AsyncSession, session: Session, member: Membership, text: str) -> Json | None:
    """What a person writes of the branch that they see, as it is stored; None where that is blank.

    Raises:
        InvalidInput: it is longer than `LENGTH`.
    """
    clean = validation.note("summary", text, LENGTH)
    if clean is None:
        return None
    last = await messages.last(tx, session.id, placement.shown(session, member))
    if last is None:
        return of(clean, SummarySource.PERSON, None, 0)
    return of(clean, SummarySource.PERSON, last.id, last.depth + 1)


def is_of_person(stored: Json | None) -> bool:
    """Whether there is a summary that a person wrote."""
    return stored is not None and stored["source"] == SummarySource.PERSON


def after_deletion(stored: Json | None, left: Set[UUID]) -> Json | None:
    """What stays of it where messages are deleted and these are left: only what a person wrote, and not of nothing."""
    return stored if left and is_of_person(stored) else None
