"""What people set on a message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry

from schema.rating import Rating


@strawberry.type(description="A reaction to a message, and whose it is.")
class Reaction:
    """An emoji, and who set it."""

    emoji: str = strawberry.field(description="The emoji, or other short text.")
    count: int = strawberry.field(description="How many people it is from.")
    user_ids: list[strawberry.ID] = strawberry.field(description="Their accounts, in the order in which they set it.")

    @classmethod
    def all_of(cls, marks: Mapping[str, Any]) -> list[Self]:
        """The reactions among a message's marks."""
        return [
            cls(emoji=emoji, count=len(users), user_ids=[strawberry.ID(user) for user in users])
            for emoji, users in marks.get("reactions", {}).items()
        ]


@strawberry.type(description="What somebody thinks of a message.")
class Feedback:
    """A rating, perhaps with a comment."""

    user_id: strawberry.ID = strawberry.field(description="Whose it is.")
    rating: Rating = strawberry.field(description="Whether the message helps.")
    comment: str | None = strawberry.field(description="What they say about it.")
    created_at: datetime = strawberry.field(description="When they said so.")

    @classmethod
    def all_of(cls, marks: Mapping[str, Any]) -> list[Self]:
        """The feedback among a message's marks."""
        return [
            cls(
                user_id=strawberry.ID(user),
                rating=Rating(said["rating"]),
                comment=said["comment"],
                created_at=datetime.fromisoformat(said["at"]),
            )
            for user, said in marks.get("feedback", {}).items()
        ]


@strawberry.type(description="A range of the text of a part, in UTF-16 code units (as JavaScript counts).")
class TextRange:
    """Where an annotation belongs."""

    part: int = strawberry.field(description="The part.")
    start: int = strawberry.field(description="Where it begins.")
    end: int = strawberry.field(description="Where it ends: the first code unit behind it.")


@strawberry.type(description="A remark on a message, or on a range of its text.")
class Annotation:
    """What somebody notes about a message."""

    id: strawberry.ID = strawberry.field(description="Its id.")
    user_id: strawberry.ID = strawberry.field(description="Whose it is.")
    text: str = strawberry.field(description="What it says.")
    range: TextRange | None = strawberry.field(description="What it is about; null: the whole message.")
    created_at: datetime = strawberry.field(description="When it was written, or last changed.")

    @classmethod
    def all_of(cls, marks: Mapping[str, Any]) -> list[Self]:
        """The annotations among a message's marks, in the order in which they came."""
        return [
            cls(
                id=strawberry.ID(said["id"]),
                user_id=strawberry.ID(said["user"]),
                text=said["text"],
                range=TextRange(part=said["part"], start=said["start"], end=said["end"]) if "part" in said else None,
                created_at=datetime.fromisoformat(said["at"]),
            )
            for said in marks.get("annotations", [])
        ]
