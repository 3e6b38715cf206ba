"""What was said in a session, in short."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry

from schema.source import SummarySource


@strawberry.type(description="What was said in a session, in short.")
class Summary:
    """Stored with the session; the same for all members."""

    text: str = strawberry.field(description="The summary; at most 10,000 characters.")
    message_id: strawberry.ID | None = strawberry.field(
        description="The last message that it is about, which may have been deleted since; null where there was none."
    )
    message_count: int = strawberry.field(
        description="How many messages it is about: those that a model read, or the path that the person saw."
    )
    created_at: datetime = strawberry.field(description="When it was written.")
    source: SummarySource = strawberry.field(description="Who wrote it.")

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """The stored summary, if there is one."""
        if stored is None:
            return None
        return cls(
            text=stored["text"],
            message_id=None if stored["messageId"] is None else strawberry.ID(stored["messageId"]),
            message_count=stored["messageCount"],
            created_at=datetime.fromisoformat(stored["at"]),
            source=SummarySource(stored["source"]),
        )
