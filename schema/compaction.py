"""A conversation up to a message, in short."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry

from schema.source import SummarySource
from schema.usage import Usage


@strawberry.type(
    description="What models are told in place of a message and all that precedes it, on every branch through it."
)
class Compaction:
    """Stored with the message that it goes up to; the same for all members."""

    text: str = strawberry.field(description="What they are told; at most 10,000 characters.")
    message_count: int = strawberry.field(description="How many messages it stands for.")
    source: SummarySource = strawberry.field(
        description="Who wrote it. A model's is removed when something changes that it stands for; a person's stays."
    )
    model: str | None = strawberry.field(description="The model that wrote it, as its provider names it.")
    usage: Usage | None = strawberry.field(description="What it cost, as far as the provider told.")
    created_at: datetime = strawberry.field(description="When it was written.")

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """The stored compaction, if there is one."""
        if stored is None:
            return None
        return cls(
            text=stored["text"],
            message_count=stored["messageCount"],
            source=SummarySource(stored["source"]),
            model=stored["model"],
            usage=Usage.of(stored["usage"]),
            created_at=datetime.fromisoformat(stored["at"]),
        )
