"""Who asks."""

from typing import Self

import strawberry

from chat import quotas, sizes
from chat.cursors import Cursor, ScopeKind
from db import models
from schema import identifier
from schema.context import Info
from schema.limit import Limits


async def _limits(info: Info) -> Limits:
    scope = info.context.scope
    return Limits.of(await quotas.standing(scope), await sizes.largest(scope))


@strawberry.type(description="The account on whose behalf you ask.")
class Viewer:
    """The viewer's own account."""

    id: strawberry.ID = strawberry.field(description="The account's id.")
    name: str | None = strawberry.field(description="The name that the identity provider gave.")
    email: str | None = strawberry.field(description="The address that the identity provider gave.")
    cursor: str = strawberry.field(
        description="Where the account stood when this was read. Subscribe to `changes` after it and you miss nothing."
    )

    limits: Limits = strawberry.field(
        resolver=_limits, description="What limits hold for you, and how much of them you have used."
    )

    @classmethod
    def of(cls, row: models.User) -> Self:
        """The viewer's row as clients see it."""
        cursor = Cursor(ScopeKind.ACCOUNT, row.id, row.epoch, row.head)
        return cls(id=identifier.of(row.id), name=row.name, email=row.email, cursor=str(cursor))
