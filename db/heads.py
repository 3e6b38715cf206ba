"""Where scopes stand."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Session, User


async def of_scopes(
    tx: AsyncSession, user_ids: Sequence[UUID], session_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[int, int]]:
    """The epoch of each of these scopes, and the last number taken in it; any number of them in one query."""
    query = union_all(
        *(
            select(kind.id, kind.epoch, kind.head).where(kind.id == any_(literal(list(ids), ARRAY(Uuid))))
            for kind, ids in ((User, user_ids), (Session, session_ids))
        )
    )
    return {scope_id: (epoch, head) for scope_id, epoch, head in await tx.execute(query)}
