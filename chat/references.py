"""References: what arguments name of what accounts own.

Every such argument goes through here: it must name something that is the viewer's or everybody's, and not deleted.
PostgreSQL checks below that a viewer's rows refer to nothing that they may not see.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.refusals import NotFound, Noun
from db import models, owned

_MODELS: Mapping[Noun, type[models.Owned]] = {
    "agent": models.Agent,
    "project": models.Project,
    "folder": models.Folder,
    "template": models.Template,
}


async def named[Row: models.Owned](tx: AsyncSession, noun: Noun, model: type[Row], row_id: UUID) -> Row:
    """What an id names.

    Raises:
        NotFound: there is no such one for the viewer.
    """
    found = await owned.there(tx, model, row_id)
    if found is None:
        raise NotFound(noun)
    return found


async def check(
    tx: AsyncSession, *, agent: UUID | None = None, project: UUID | None = None, folder: UUID | None = None
) -> None:
    """Checks that each id which is given names something.

    Raises:
        NotFound: one does not.
    """
    given: Mapping[Noun, UUID | None] = {"agent": agent, "project": project, "folder": folder}
    for noun, row_id in given.items():
        if row_id is not None:
            await named(tx, noun, _MODELS[noun], row_id)


async def kept(tx: AsyncSession, noun: Noun, row_id: UUID | None) -> UUID | None:
    """An id that is copied from something else; None where it names nothing, or nothing that the viewer may see."""
    if row_id is None or await owned.there(tx, _MODELS[noun], row_id) is None:
        return None
    return row_id
