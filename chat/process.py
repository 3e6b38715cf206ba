"""What all operations of a server process share."""

import asyncio
import os
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from chat.policy import Allowances
from chat.windows import Windows
from db.database import Database
from llm.models import Models
from pubsub.bus import Bus
from sync.feeds import Feeds
from sync.journal import Journal
from sync.reply_builder import Drafts
from sync.tasks import Jobs


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take. All in seconds."""

    lease: float = 30.0
    """How long a run stays its producer's without a sign of life."""
    grace: float = 3.0
    """How long a producer may take to stop when it is asked to."""
    heartbeat: float = 10.0
    """Between two comparisons of what is followed with the database."""
    sweep: float = 1.0
    """Between two looks for runs that nobody is producing."""
    summary: float = 20.0
    """How long a model may take for a summary that somebody waits for; less than an operation may take."""

    @property
    def lease_delta(self) -> timedelta:
        """The lease, as the database takes it."""
        return timedelta(seconds=self.lease)


MOST = 1_000
"""Runs that a process produces at once, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Process:
    """One server process: its engines, its background work, and the runs that it produces."""

    db: Database
    bus: Bus
    models: Models
    jobs: Jobs
    journal: Journal
    feeds: Feeds
    windows: Windows
    timing: Timing = field(default_factory=Timing)
    capacity: int = MOST
    """Runs that this process produces at once."""
    allowances: Allowances = field(default_factory=Allowances)
    drafts: Drafts = field(default_factory=Drafts)
    id: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(6)}")
    """The name under which it holds leases (`chat.runs.neighbours`)."""
    stops: dict[UUID, asyncio.Future[str]] = field(default_factory=dict)
    """For each run that it produces: resolved to have it stop."""
