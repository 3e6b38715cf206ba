"""How much stands on a path, for whom it does not matter what."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnClause, Integer, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.branches import on_path
from db.messages import lasts
from db.models import Branch, Message, MessageRole, MessageStatus

FILE = 5_000
"""What a file weighs, whose tokens nobody but the provider knows: about as many as a picture of a megapixel has."""
TURN = 16
"""What a message weighs besides what it says."""

# The bytes of what providers are sent: text, and calls of tools with their results. Reasoning is not sent.
_SAID = f"""
    octet_length(messages.content) + coalesce((
        SELECT sum(CASE part ->> 'kind'
            WHEN 'toolCall' THEN octet_length(part ->> 'name') + octet_length(part ->> 'text')
            WHEN 'toolResult' THEN octet_length(part ->> 'text')
            WHEN 'file' THEN {FILE} ELSE 0 END)
        FROM jsonb_array_elements(messages.parts) AS part WHERE part ->> 'kind' <> 'text'
    ), 0)
"""
_WEIGHT: ColumnClause[int] = literal_column(
    f"(SELECT CASE size WHEN 0 THEN 0 ELSE size + {TURN} END FROM (VALUES ({_SAID})) AS said (size))"
)
_UNFINISHED = (MessageStatus.PENDING, MessageStatus.STREAMING)


class Outlined(NamedTuple):
    """A message of a path."""

    depth: int
    role: MessageRole
    weight: int
    """About how many bytes a model is told of it."""
    is_finished: bool
    lasts: bool
    """Whether every model is told it, however long the path: what the system says, and what the session began with."""


async def of(tx: AsyncSession, branch: Branch, depths: range) -> Sequence[Outlined]:
    """The messages of these depths on a branch's path, the root's side first."""
    if not depths:
        return []
    query = select(
        Message.depth, Message.role, _WEIGHT.cast(Integer), Message.status.not_in(_UNFINISHED), lasts(branch)
    ).where(on_path(branch, depths), Message.deleted_at.is_(None))
    return _with_answers([Outlined(*found) for found in await tx.execute(query.order_by(Message.depth))])


def _with_answers(outline: list[Outlined]) -> list[Outlined]:
    """The outline where a question at the end of what lasts does not last, because its answer does not."""
    for place in reversed(range(len(outline))):
        each = outline[place]
        if each.lasts and each.role is not MessageRole.SYSTEM:
            if each.role is not MessageRole.USER:
                break
            outline[place] = each._replace(lasts=False)
    return outline
