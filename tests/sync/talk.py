"""Sessions to watch."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import sqlalchemy as sa

from chat.conversation import messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.process import Timing
from chat.runs import runs
from chat.runtime import Life
from chat.scope import Scope
from db.models import RunStatus
from sync.cursors import Cursor, ScopeKind
from sync.events import CaughtUp, Reset
from tests.sync.client import PATIENCE

PATIENT = Timing(lease=60, grace=60, heartbeat=60, sweep=60)
"""Times that no test waits for: whatever happens, happens without them."""


async def begin(scope: Scope) -> UUID:
    """A session that a person gave its title, so that no model is asked for one."""
    session, _ = await sessions.create(scope, NewSession(title="Talk"))
    return session.id


async def ask(scope: Scope, session_id: UUID, text: str = "Hi") -> Exchange:
    """Sends a message."""
    return await messages.send(scope, session_id, text)


async def head(scope: Scope, session_id: UUID) -> str:
    """The cursor that a query returns with a session."""
    seen = await sessions.get(scope, session_id)
    assert seen is not None
    return str(Cursor(ScopeKind.SESSION, session_id, seen[0].epoch, seen[0].head))


def at(scope: Scope, started: Life) -> Scope:
    """The same viewer, at another process."""
    return replace(scope, process=started.process)


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Returns when something holds that can only be asked for."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110  (a database does not ring)
            await asyncio.sleep(0.01)


async def journaled(scope: Scope, count: int) -> None:
    """Returns when the journal holds so many events, of all runs."""

    async def reached() -> bool:
        async with scope.process.db.system() as tx:
            return bool(await tx.scalar(sa.text("SELECT sum(count) = :count FROM deltas"), {"count": count}))

    await until(reached)


async def has_status(scope: Scope, run_id: UUID, status: RunStatus) -> None:
    """Returns when the run has this status in the database."""

    async def reached() -> bool:
        run = (await runs.of_ids(scope, [run_id]))[0]
        return run is not None and run.status is status

    await until(reached)


async def execute(scope: Scope, statement: str, **values: object) -> None:
    """Changes rows behind the back of all processes."""
    async with scope.process.db.system() as tx:
        await tx.execute(sa.text(statement), values)


async def caught_up[E](window: AsyncIterator[E]) -> list[E]:
    """What a window is told until it has caught up, or is reset; that included."""
    events: list[E] = []
    async with asyncio.timeout(PATIENCE):
        async for event in window:
            events.append(event)
            if isinstance(event, CaughtUp | Reset):
                break
    return events
