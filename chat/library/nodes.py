"""Objects by their id alone, and ids that clients make."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.refusals import IdTaken
from chat.scope import Scope
from db import nodes
from db.nodes import Holder, Kind


async def kinds(scope: Scope, ids: Sequence[UUID]) -> Mapping[UUID, Kind]:
    """What each id is the id of; those that are not the viewer's to see are absent."""
    return await nodes.kinds(scope.reader, ids)


async def claim(tx: AsyncSession, kind: Holder, id: UUID, field: str = "id") -> bool:
    """Whether an id that a client has made is free, as nothing else will have it before the transaction is over.

    It is not where something of this kind has it, the viewer's or not: look whether the same call made that. Comes
    before any row is locked, and before `quotas.claim`.

    Raises:
        IdTaken: something of another kind has it.
    """
    holders = await nodes.claim(tx, id)
    if holders and kind not in holders:
        raise IdTaken(field)
    return not holders
