"""An earlier state of a message."""

from datetime import datetime
from typing import Self

import strawberry
from strawberry.scalars import JSON

from db import rows
from schema import identifier, part
from schema.part import Part


@strawberry.type(description="How a message was in one of its versions, until somebody revised it.")
class Revision:
    """An earlier state of a message."""

    version: int = strawberry.field(description="The version that it was.")
    content: str = strawberry.field(description="The plain text of its text parts.")
    parts: list[Part] = strawberry.field(description="Everything it was made of, in order.")
    metadata: JSON = strawberry.field(description="Its metadata.")
    replaced_at: datetime = strawberry.field(description="When the next version took its place.")
    replaced_by_id: strawberry.ID | None = strawberry.field(description="The account that wrote the next version.")

    @classmethod
    def of(cls, row: rows.Revision) -> Self:
        """The row as clients see it."""
        return cls(
            version=row.version,
            content=row.content,
            parts=part.all_of(row.parts),
            metadata=JSON(row.meta),
            replaced_at=row.replaced_at,
            replaced_by_id=identifier.optional_of(row.replaced_by),
        )
