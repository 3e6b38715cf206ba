"""Who asks."""

from typing import Self

import strawberry

from chat.library import counts
from chat.quotas import quotas, sizes
from db import models
from schema import identifier
from schema.context import Info
from schema.cursor import SyncCursor
from schema.limit import Limits
from schema.tag import Tag
from sync.cursors import Cursor, ScopeKind


async def _limits(info: Info) -> Limits:
    scope = info.context.scope
    return Limits.of(await quotas.standing(scope), await sizes.largest(scope))


async def _tags(info: Info) -> list[Tag]:
    return [Tag.of(name, tally) for name, tally in (await counts.of_tags(info.context.scope)).items()]


@strawberry.type(description="The account on whose behalf you ask.")
class Viewer:
    """The viewer's own account."""

    id: strawberry.ID = strawberry.field(description="The account's id.")
    name: str | None = strawberry.field(description="The name that the identity provider gave.")
    email: str | None = strawberry.field(description="The address that the identity provider gave.")
    cursor: SyncCursor = strawberry.field(
        description="Where the account stood when this was read. Subscribe to `changes` after it and you miss nothing."
    )

    tags: list[Tag] = strawberry.field(
        resolver=_tags,
        description="The tags of your sessions that are not archived, in the order of the alphabet. To follow them, "
        "ask again when `changes` tells a session with other tags.",
    )
    limits: Limits = strawberry.field(
        resolver=_limits, description="What limits hold for you, and how much of them you have used."
    )

    @classmethod
    def of(cls, row: models.User) -> Self:
        """The viewer's row as clients see it."""
        cursor = Cursor(ScopeKind.ACCOUNT, row.id, row.epoch, row.head)
        return cls(id=identifier.of(row.id), name=row.name, email=row.email, cursor=SyncCursor(str(cursor)))
