"""What sessions are grouped by."""

from datetime import datetime
from typing import Self

import strawberry
from strawberry.scalars import JSON

from db import models
from schema import identifier
from schema.connection import Connection
from schema.node import Node


@strawberry.type(description="A group of sessions. It is its owner's alone.")
class Project(Node):
    """A project as its owner sees it."""

    name: str = strawberry.field(description="What it is called; at most 255 characters.")
    metadata: JSON = strawberry.field(description="A JSON object for the app's own use.")
    version: int = strawberry.field(description="Rises with every edit; see `expectedVersion`.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: models.Project) -> Self:
        """The row as clients see it."""
        return cls(
            id=identifier.of(row.id),
            name=row.name,
            metadata=JSON(row.meta),
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@strawberry.type(description="A page of projects.")
class ProjectConnection(Connection[Project]):
    """The viewer's projects."""
