"""What limits hold, and how much of them is used."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry

from chat.library.agents import LIMITS
from chat.policy import NAMES, SIZES
from chat.quotas.quotas import Standing


@strawberry.type(description="A limit that holds for you.")
class Limit:
    """See `chat.quotas.quotas.Standing`."""

    limit: int = strawberry.field(description="How many there may be.")
    used: int | None = strawberry.field(description="How many there are; null while that cannot be counted.")
    reset_at: datetime | None = strawberry.field(
        description="For what is counted by the minute: when the oldest of it does not count any more."
    )


@strawberry.type(description="What limits hold for you. One that is null does not.")
class Limits:
    """The names are those of `chat.policy.Allowance`."""

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
    message_characters: int = strawberry.field(
        description="Characters that a message of yours may have; an agent may allow fewer."
    )
    metadata_bytes: int = strawberry.field(description="Bytes that a metadata object may have as JSON.")

    @classmethod
    def of(cls, held: Mapping[str, Standing], largest: Mapping[str, int]) -> Self:
        """The limits of what is counted, if they hold, and of sizes, by their names."""
        counted = {name: _limit(held.get(name)) for name in NAMES if name not in SIZES}
        shown: dict[str, Any] = {**counted, **largest}
        return cls(**shown)


def _limit(standing: Standing | None) -> Limit | None:
    if standing is None:
        return None
    return Limit(limit=standing.limit, used=standing.used, reset_at=standing.reset_at)


@strawberry.type(description="What each member may do with an agent. What is null is not limited.")
class AgentLimits:
    """Of `Agent.limits`."""

    messages_per_minute: int | None = strawberry.field(description="Messages in its sessions.")
    runs_per_minute: int | None = strawberry.field(description="Replies by it.")
    message_characters: int | None = strawberry.field(description="Characters of a message in its sessions.")

    @classmethod
    def of(cls, limits: Mapping[str, int] | None) -> Self:
        """The limits as they are stored."""
        found = limits or {}
        return cls(**{name: found.get(name) for name in LIMITS})
