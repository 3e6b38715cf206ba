"""What a member calls sessions by."""

from typing import Self

import strawberry

from db.tallies import Tally


@strawberry.type(description="A tag that you have given to sessions.")
class Tag:
    """A tag and its tally."""

    name: str = strawberry.field(description="The tag, as `filter: { tags: [...] }` takes it.")
    session_count: int = strawberry.field(description="How many sessions have it that are not archived.")
    unread_count: int = strawberry.field(description="How many of these are unread.")

    @classmethod
    def of(cls, name: str, tally: Tally) -> Self:
        """The tally of a tag as clients see it."""
        return cls(name=name, session_count=tally.sessions, unread_count=tally.unread)
