"""Which kind of object has an id."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import asyncpg

from db.reader import Reader, Statement

type Kind = Literal["session", "message", "run", "project", "agent", "folder", "template"]

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
