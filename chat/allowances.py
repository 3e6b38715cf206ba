"""What accounts may have, as far as this process knows without asking."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Self
from uuid import UUID

if TYPE_CHECKING:  # the command line needs the names of the limits alone
    from db.reader import Readers
    from pubsub.rates import Rates

LOOK = 5.0
"""Seconds between two looks for limits that somebody has set, as long as there are none."""

MOST = 1_000_000_000
"""What a quota can be at most."""
OFTEN = 10_000
"""What a rate can be at most: each of its messages, sessions or replies is remembered for a minute."""
TEXT = 200_000
"""Characters of one message, which an operator may lower."""


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

    def but(self, others: Mapping[str, int]) -> Self:
        """The same, but for the limits that are given; 0 there: none."""
        return replace(self, **{name: others[name] or None for name in NAMES if name in others}) if others else self


NAMES = tuple(field.name for field in fields(Allowance))
"""Of the limits."""
NOTHING = Allowance()


@dataclass(slots=True)
class Allowances:
    """What everybody may have at this process, and whether somebody may have something else."""

    default: Allowance = NOTHING
    rates: "Rates | None" = None
    text: int = TEXT
    """Characters of one message."""
    windows: dict[UUID, int] = field(default_factory=dict)
    """How many windows accounts have open here, as far as there is a limit."""
    _special: bool = False
    _looked_at: float | None = None

    async def special(self, readers: "Readers") -> bool:
        """Whether somebody has set limits for an account or an agent: up to five seconds ago, where nobody had."""
        from db import quotas  # noqa: PLC0415
        from db.failures import transient  # noqa: PLC0415

        now = asyncio.get_running_loop().time()
        if not self._special and (self._looked_at is None or now - self._looked_at >= LOOK):
            self._looked_at = now
            try:
                self._special = await quotas.any_set(readers)
            except Exception as error:
                if not transient(error):
                    raise
        return self._special

    def set_one(self) -> None:
        """Somebody has just set limits for an agent."""
        self._special = True
