"""What stands beside a message."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

import strawberry

from schema import identifier


@strawberry.type(description="The messages that follow the same message: it, and what was said or answered instead.")
class Siblings:
    """A message among the others with its parent."""

    index: int = strawberry.field(description="Its own place among them, from 0, in the order of creation.")
    count: int = strawberry.field(description="How many they are, itself included.")
    ids: list[strawberry.ID] = strawberry.field(description="Their ids in the order of creation.")

    @classmethod
    def of(cls, message_id: UUID, family: Sequence[UUID]) -> Self:
        """The message among what has its parent; that may have been read a moment later."""
        ids = [*family] if message_id in family else [*family, message_id]
        return cls(index=ids.index(message_id), count=len(ids), ids=[identifier.of(each) for each in ids])
