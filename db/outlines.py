"""How much stands on a path, for whom it does not matter what."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import paths, statements
from db.messages import LASTS, UNFINISHED, unanswered
from db.models import MessageRole

FILE = 5_000
"""What a file weighs, whose tokens nobody but the provider knows: about as many as a picture of a megapixel has."""
TURN = 16
"""What a message weighs besides what it says."""

# The bytes of what providers are sent: text, and calls of tools with their results. Reasoning is not sent.
_SIZE = f"""
    octet_length(message.content) + coalesce((
        SELECT sum(CASE part ->> 'kind'
            WHEN 'toolCall' THEN octet_length(part ->> 'name') + octet_length(part ->> 'text')
            WHEN 'toolResult' THEN octet_length(part ->> 'text')
            WHEN 'file' THEN {FILE} ELSE 0 END)
        FROM jsonb_array_elements(message.parts) AS part WHERE part ->> 'kind' <> 'text'
    ), 0)
"""
_OUTLINE = f"""
    {paths.OF_BRANCH}
    SELECT message.depth, message.role, {_SIZE}::int, NOT {UNFINISHED}, {LASTS}
    FROM {paths.MESSAGES}
    WHERE message.deleted_at IS NULL ORDER BY message.depth
"""


class Outlined(NamedTuple):
    """A message of a path."""

    depth: int
    role: MessageRole
    weight: int
    """About how many bytes a model is told of it."""
    is_finished: bool
    lasts: bool
    """Whether every model is told it, however long the path: what the system says, and what the session began with."""


async def of(tx: AsyncSession, session_id: UUID, number: int, depths: range) -> Sequence[Outlined]:
    """The messages of these depths on a branch's path, the root's side first."""
    found = await statements.fetch(tx, _OUTLINE, session_id, number, depths.start, depths.stop)
    outline = [Outlined(depth, MessageRole(role), size and size + TURN, *is_) for depth, role, size, *is_ in found]
    lasting = [place for place, each in enumerate(outline) if each.lasts]
    for place in unanswered([outline[place].role for place in lasting]):
        outline[lasting[place]] = outline[lasting[place]]._replace(lasts=False)
    return outline
