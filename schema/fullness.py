"""How full the window of a model is."""

from typing import Self

import strawberry

from chat.runs.context_use import Fullness
from schema.message import Message


@strawberry.type(
    description="How much of a session the model would be told that answers next, in tokens: about as many as its "
    "provider would count."
)
class ContextUse:
    """See `chat.runs.context_use`."""

    tokens: int = strawberry.field(description="How many it would be told of the branch that you see.")
    room: int = strawberry.field(
        description="How many it can be told: of more, the older part is put in short before the next reply."
    )
    window: int = strawberry.field(description="How many it reads and writes at once.")
    message_count: int = strawberry.field(description="How many messages it would be told as they are.")
    compacted: Message | None = strawberry.field(
        description="The last message of the part that it would be told in short; its `compaction` is what it is told."
    )

    @classmethod
    def of(cls, found: Fullness) -> Self:
        """What was found, as clients see it."""
        return cls(
            tokens=found.tokens,
            room=found.room,
            window=found.window,
            message_count=found.messages,
            compacted=None if found.base is None else Message.of(found.base),
        )
