"""Folders."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements
from db.models import Folder


async def of_owner(tx: AsyncSession, owner_id: UUID) -> Sequence[Folder]:
    """All the owner's folders, those of the same parent in their order."""
    query = (
        select(Folder)
        .where(Folder.owner_id == owner_id, Folder.deleted_at.is_(None))
        .order_by(Folder.position, Folder.id)
    )
    return (await tx.scalars(query, execution_options={"populate_existing": True})).all()


_FILED = "SELECT count(*) FROM memberships WHERE user_id = $1 AND folder_id = $2"
_REFILE = """
    UPDATE memberships AS member SET folder_id = $3, seq = $4 + filed.place
    FROM (
        SELECT session_id, row_number() OVER (ORDER BY session_id) AS place
        FROM memberships WHERE user_id = $1 AND folder_id = $2
    ) AS filed
    WHERE member.user_id = $1 AND member.session_id = filed.session_id
"""


async def filed(tx: AsyncSession, owner_id: UUID, folder_id: UUID) -> int:
    """How many sessions the owner has filed into a folder, those that are deleted included."""
    found = await statements.fetch(tx, _FILED, owner_id, folder_id)
    return int(found[0][0])


async def refile(tx: AsyncSession, owner_id: UUID, folder_id: UUID, into: UUID | None, after: int) -> None:
    """Moves what is filed into a folder to another one, or out of all; each takes the next number after `after`.

    The account's row must be locked since before `filed`, or there may be more by now than numbers.
    """
    await statements.fetch(tx, _REFILE, owner_id, folder_id, into, after)
