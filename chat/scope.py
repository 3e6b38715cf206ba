"""On whose behalf, and with what, a rule works: the first argument of every rule."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.process import Process


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, from which client."""

    id: UUID
    client: str | None = None
    """What the client calls itself; comes back as `origin` on the events that it causes."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A viewer at a process. There is no reading without one."""

    viewer: Viewer
    process: Process

    def tx(self, *, snapshot: bool = False) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction in which PostgreSQL shows and changes only what is the viewer's."""
        return self.process.db.viewer(self.viewer.id, snapshot=snapshot)
