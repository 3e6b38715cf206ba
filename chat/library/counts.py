"""How many sessions of the viewer are in something, for sidebars and dashboards; each in one statement for all."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chat.scope import Scope
from db import rows, tallies
from db.tallies import Tally


async def of_folders(scope: Scope, folder_ids: Sequence[UUID]) -> Sequence[Tally]:
    """The tallies of folders in the order of their ids."""
    return _in_order(folder_ids, await tallies.of_folders(scope.reader, folder_ids))


async def of_projects(scope: Scope, project_ids: Sequence[UUID]) -> Sequence[Tally]:
    """The same for projects."""
    return _in_order(project_ids, await tallies.of_projects(scope.reader, project_ids))


async def of_agents(scope: Scope, agent_ids: Sequence[UUID]) -> Sequence[Tally]:
    """The same for agents."""
    return _in_order(agent_ids, await tallies.of_agents(scope.reader, agent_ids))


async def of_tags(scope: Scope) -> Mapping[str, Tally]:
    """The tallies of all tags that the viewer has given, by tag, in the order of the alphabet."""
    return await tallies.of_tags(scope.reader)


async def latest(scope: Scope, project_ids: Sequence[UUID]) -> Sequence[rows.Seen | None]:
    """For each project the session in it with the newest activity, of those that the viewer has not archived."""
    found = await tallies.latest(scope.reader, project_ids)
    return [found.get(project_id) for project_id in project_ids]


def _in_order(ids: Sequence[UUID], found: Mapping[UUID, Tally]) -> Sequence[Tally]:
    return [found.get(id, Tally()) for id in ids]
