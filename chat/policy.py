"""What accounts may have, as far as this process knows without asking."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self
from uuid import UUID

if TYPE_CHECKING:  # the command line needs the names of the limits alone
    from pubsub.rates import Rates

MOST = 1_000_000_000
"""What a quota can be at most."""
OFTEN = 10_000
"""What a rate can be at most: each of its messages, sessions or replies is remembered for a minute."""
TEXT = 200_000
"""Characters of one message, which operators and agents may lower."""
METADATA = 64 * 1024
"""Bytes of a metadata object as JSON, which operators may lower."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an account may have. None: as much as it likes."""

    sessions: int | None = None
    """Sessions that are not deleted."""
    kilobytes: int | None = None
    """Of messages in its own sessions; 1,000 bytes each."""
    active_runs: int | None = None
    """Runs that it has asked for and that are not over."""
    windows: int | None = None
    """Subscriptions that are open at one process."""
    messages_per_minute: int | None = None
    sessions_per_minute: int | None = None
    runs_per_minute: int | None = None
    message_characters: int | None = None
    metadata_bytes: int | None = None
    """Of a metadata object as JSON."""

    def but(self, others: Mapping[str, int]) -> Self:
        """The same, but for the limits that are given; 0 there: none."""
        return replace(self, **{name: others[name] or None for name in NAMES if name in others}) if others else self


NAMES = tuple(field.name for field in fields(Allowance))
"""Of the limits."""
SIZES = {"message_characters": TEXT, "metadata_bytes": METADATA}
"""Those of one thing that is stored, and what holds where they are not set."""
NOTHING = Allowance()


@dataclass(slots=True)
class Allowances:
    """What everybody may have at this process, and whether somebody may have something else."""

    default: Allowance = NOTHING
    rates: "Rates | None" = None
    windows: dict[UUID, int] = field(default_factory=dict)
    """How many windows accounts have open here, as far as there is a limit."""
    special: bool = False
    """Whether somebody has set limits for an account or an agent, as far as is known."""
    looking: bool = False
    """Whether that is being found out."""
    looked_at: float | None = None
    """When that was looked at last, by the event loop's clock."""
