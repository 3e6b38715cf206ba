"""What a member is about to say in a session: taken away by what they send, and never brought back by a late save.

Several windows save the same draft, and their calls may come late or in another order. So a window may say what its
text comes after: the member's last message, as it knew it. A window that does not say so is believed, unless its text
is what was sent.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import messages
from db.models import Membership

LATE = timedelta(seconds=10)
"""How long after a message the beginning of its text is taken for a late save of it."""


@dataclass(frozen=True, slots=True)
class After:
    """The message that a text comes after; None: there was none. It may be on its way still."""

    id: UUID | None


async def is_late(tx: AsyncSession, member: Membership, text: str | None, after: After | None) -> bool:
    """Whether a text is older than what the member sent last. Their account's row must be locked.

    What it comes after may be on its way still: where that is no message of theirs in the session, they are believed.
    """
    if after is None:
        return text is not None and member.last_sent_id is not None and await _repeats(tx, member.last_sent_id, text)
    if after.id == member.last_sent_id:
        return False
    if after.id is None:
        return True
    earlier = await messages.get(tx, after.id)
    if earlier is None or (earlier.session_id, earlier.author_id) != (member.session_id, member.user_id):
        return False
    last = None if member.last_sent_id is None else await messages.get(tx, member.last_sent_id)
    return last is not None and (earlier.news_seq or 0) < (last.news_seq or 0)


async def _repeats(tx: AsyncSession, message_id: UUID, text: str) -> bool:
    message = await messages.get(tx, message_id)
    if message is None:
        return False
    if message.content.strip() == text.strip():
        return True
    return message.content.startswith(text) and await messages.is_younger(tx, message_id, LATE)
