"""Objects by their id alone."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chat.scope import Scope
from db import nodes
from db.nodes import Kind


async def kinds(scope: Scope, ids: Sequence[UUID]) -> Mapping[UUID, Kind]:
    """What each id is the id of; those that are not the viewer's to see are absent."""
    return await nodes.kinds(scope.reader, ids)
