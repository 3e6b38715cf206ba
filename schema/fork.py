"""Where a session was copied from."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from chat.conversation import sessions
from chat.scope import Scope
from db.forks import ForkInclude
from schema import choice, identifier

choice.describe(
    ForkInclude,
    "What of a conversation a fork copies.",
    PATH="The messages from the beginning to the one that is named.",
    PATH_WITH_SIBLINGS="These, and what stands beside each of them: the other versions and replies.",
    ALL="Every message, on all branches.",
)


@strawberry.type(description="Where a session was copied from.")
class ForkedFrom:
    """The origin of a fork."""

    session_id: strawberry.ID = strawberry.field(description="The session that it was copied from.")
    message_id: strawberry.ID = strawberry.field(description="The message there at which it leaves.")


type Origin = tuple[UUID, UUID]
"""The session that another was copied from, and the message there at which that leaves."""


async def shown_to(scope: Scope, origins: Sequence[Origin | None]) -> list[ForkedFrom | None]:
    """The origins as far as the viewer may see them; None for the others, and for None."""
    ids = [origin[0] for origin in origins if origin is not None]
    seen = {row.id for row in await sessions.of_ids(scope, ids) if row is not None} if ids else set()
    return [_shown(origin) if origin is not None and origin[0] in seen else None for origin in origins]


def _shown(origin: Origin) -> ForkedFrom:
    return ForkedFrom(session_id=identifier.of(origin[0]), message_id=identifier.of(origin[1]))
