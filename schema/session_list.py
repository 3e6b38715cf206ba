"""Lists of sessions, and what is in them for badges."""

from collections.abc import Awaitable, Callable, Mapping

import strawberry

from db.listing import SessionOrder
from schema import choice
from schema.connection import Connection
from schema.cursor import SyncCursor
from schema.session import Session

choice.describe(
    SessionOrder,
    "What comes first in a list of sessions.",
    ACTIVITY="That in which something was said last.",
    CREATED="The newest.",
    TITLE="By title, whatever its case; those without a title before the others.",
    POSITION="Your own order: see `moveSession`.",
)


@strawberry.type(description="How many sessions there are of what; for badges.")
class SessionCounts:
    """See `db.listing.counts`."""

    total: int = strawberry.field(description="All of them.")
    unread: int = strawberry.field(description="Those that have something new for you.")
    running: int = strawberry.field(description="Those with a reply that is not over.")
    pinned: int = strawberry.field(description="Those that you have pinned.")
    starred: int = strawberry.field(description="Those that you have starred.")
    archived: int = strawberry.field(description="Those that you have archived.")


async def _counts(connection: strawberry.Parent["SessionConnection"]) -> SessionCounts:
    return SessionCounts(**await connection.count_each())


@strawberry.type(description="A page of sessions.")
class SessionConnection(Connection[Session]):
    """The viewer's sessions."""

    cursor: SyncCursor = strawberry.field(
        description="Where the account stood when this was read. Subscribe to `changes` after it and you miss nothing."
    )
    count_each: strawberry.Private[Callable[[], Awaitable[Mapping[str, int]]]]
    counts: SessionCounts = strawberry.field(
        resolver=_counts,
        description="How many sessions of the whole list there are of what. They are counted only if you ask.",
    )
