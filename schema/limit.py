"""What limits hold, and how much of them is used."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry

from chat.quotas import Standing


@strawberry.type(description="A limit that holds for you.")
class Limit:
    """See `chat.quotas.Standing`."""

    limit: int = strawberry.field(description="How many there may be.")
    used: int | None = strawberry.field(description="How many there are; null while that cannot be counted.")
    reset_at: datetime | None = strawberry.field(
        description="For what is counted by the minute: when the oldest of it does not count any more."
    )


@strawberry.type(description="What limits hold for you. One that is null does not.")
class Limits:
    """The names are those of `chat.allowances.Allowance`."""

    sessions: Limit | None = strawberry.field(description="Sessions of your own that are not deleted.")
    kilobytes: Limit | None = strawberry.field(
        description="Kilobytes (1,000 bytes) that the messages of your own sessions take."
    )
    active_runs: Limit | None = strawberry.field(description="Replies that you have asked for and that are not over.")
    windows: Limit | None = strawberry.field(
        description="Subscriptions that you have open at the server process that answers this."
    )
    messages_per_minute: Limit | None = strawberry.field(description="Messages that you sent in the last minute.")
    sessions_per_minute: Limit | None = strawberry.field(description="Sessions that you began in the last minute.")
    runs_per_minute: Limit | None = strawberry.field(description="Replies that you asked for in the last minute.")

    @classmethod
    def of(cls, held: Mapping[str, Standing]) -> Self:
        """The limits that hold, by their names."""
        shown: dict[str, Any] = {
            field.python_name: None if (standing := held.get(field.python_name)) is None else _limit(standing)
            for field in strawberry.types.get_object_definition(cls, strict=True).fields
        }
        return cls(**shown)


def _limit(standing: Standing) -> Limit:
    return Limit(limit=standing.limit, used=standing.used, reset_at=standing.reset_at)


@strawberry.type(description="How often each member may ask an agent. What is null is not limited.")
class AgentLimits:
    """Of `Agent.limits`."""

    messages_per_minute: int | None = strawberry.field(description="Messages in its sessions.")
    runs_per_minute: int | None = strawberry.field(description="Replies by it.")

    @classmethod
    def of(cls, limits: Mapping[str, int] | None) -> Self:
        """The limits as they are stored."""
        found = limits or {}
        return cls(messages_per_minute=found.get("messages_per_minute"), runs_per_minute=found.get("runs_per_minute"))
