"""What a member sorts sessions into."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from db import models
from schema import identifier
from schema.context import Info
from schema.node import Node


async def _session_count(folder: strawberry.Parent["Folder"], info: Info) -> int:
    return (await info.context.folder_tallies.load(UUID(folder.id))).sessions


async def _unread_count(folder: strawberry.Parent["Folder"], info: Info) -> int:
    return (await info.context.folder_tallies.load(UUID(folder.id))).unread


@strawberry.type(description="A folder for sessions. It is its owner's alone.")
class Folder(Node):
    """A folder as its owner sees it."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    parent_id: strawberry.ID | None = strawberry.field(description="The folder that it is in; null at the top.")
    position: str = strawberry.field(
        description="Its place among those of the same parent: compare places as text, character by character; the "
        "lowest is first."
    )
    session_count: int = strawberry.field(
        resolver=_session_count, description="How many sessions you keep in it and have not archived."
    )
    unread_count: int = strawberry.field(resolver=_unread_count, description="How many of these are unread.")
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Folder) -> Self:
        """The row as clients see it."""
        return cls(
            id=identifier.of(row.id),
            name=row.name,
            parent_id=identifier.optional_of(row.parent_id),
            position=row.position,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
