"""Which kind of object has an id."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Agent, Message, Project, Run, Session

type Kind = Literal["session", "message", "run", "project", "agent"]

_TABLES: dict[Kind, type[Session | Message | Run | Project | Agent]] = {
    "session": Session,
    "message": Message,
    "run": Run,
    "project": Project,
    "agent": Agent,
}


async def kinds(tx: AsyncSession, ids: Sequence[UUID]) -> Mapping[UUID, Kind]:
    """The kind of each id that the transaction may see."""
    query = union_all(
        *(select(table.id, literal(kind).label("kind")).where(table.id.in_(ids)) for kind, table in _TABLES.items())
    )
    found: dict[UUID, Kind] = {}
    for row_id, kind in await tx.execute(query):
        found.setdefault(row_id, kind)
    return found
