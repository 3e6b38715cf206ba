"""Which kind of object has an id."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements
from db.reader import Reader, Statement

type Kind = Literal["session", "message", "run", "project", "agent", "folder", "template"]
type Holder = Kind | Literal["annotation", "account"]
"""What else has ids."""

_KINDS: tuple[Kind, ...] = ("session", "message", "run", "project", "agent", "folder", "template")

_FIND = Statement.of(
    " UNION ALL ".join(f"SELECT id, '{kind}' AS kind FROM {kind}s WHERE id = ANY ($2::uuid[])" for kind in _KINDS),
    asyncpg.Record,
)


async def kinds(reader: Reader, ids: Sequence[UUID]) -> Mapping[UUID, Kind]:
    """The kind of each id that the reader's viewer may see."""
    found: dict[UUID, Kind] = {}
    for row in await reader.all(_FIND, ids):
        found.setdefault(row["id"], row["kind"])
    return found


_CLAIM = "SELECT transom_claim_id($1)"


async def claim(tx: AsyncSession, id: UUID) -> Sequence[Holder]:
    """What has an id, whosever it is. Others who claim the same one wait for the end of the transaction."""
    found: Sequence[Holder] = (await statements.fetch(tx, _CLAIM, id))[0][0]
    return found
