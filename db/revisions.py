"""Earlier states of messages."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import rows, weights
from db.models import Message, Revision
from db.reader import Reader, Statement


async def keep(tx: AsyncSession, message: Message, replaced_by: UUID) -> None:
    """Stores how a message is, before it is revised. Its session's row must be locked."""
    tx.add(
        Revision(
            message_id=message.id,
            version=message.version,
            parts=message.parts,
            content=message.content,
            meta=message.meta,
            replaced_by=replaced_by,
        )
    )
    await tx.flush()


_OF_MESSAGES = Statement.of(
    weights.bounded(
        "revision.*, asked.place",
        """
        unnest($2::uuid[], $3::int[], $4::int[]) WITH ORDINALITY AS asked (message_id, count, before, place)
        CROSS JOIN LATERAL (
            SELECT * FROM revisions
            WHERE message_id = asked.message_id AND version < coalesce(asked.before, 2147483647)
            ORDER BY version DESC LIMIT asked.count
        ) AS revision
        """,
        weight=weights.weight("revision"),
        order="asked.place, revision.version DESC",
        room="$5",
    )
    + "ORDER BY place, version DESC",
    rows.Revision,
)

type Asked = tuple[UUID, int, int | None]
"""A message, how many of its revisions are wanted at most, and before which version."""


async def of_messages(reader: Reader, asked: Sequence[Asked]) -> Sequence[Sequence[rows.Revision]]:
    """The revisions that are asked for, in the same order; those of one message newest first."""
    found: list[list[rows.Revision]] = [[] for _ in asked]
    for row in await reader.bounded(_OF_MESSAGES, *zip(*asked, strict=True)):
        found[row["place"] - 1].append(row)
    return found
