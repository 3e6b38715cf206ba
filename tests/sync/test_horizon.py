"""Tombstones are kept for thirty days. A client that was away for longer is told to fetch again."""

from uuid import UUID

import sqlalchemy as sa

from chat.conversation import sessions
from chat.library import projects
from chat.removal.retention import tidy_once
from chat.scope import Scope
from chat.subscriptions import streams
from db.models import RunStatus
from llm.scripted import ScriptedModel
from sync.cursors import Cursor, ScopeKind
from sync.events import CaughtUp, ProjectChanged, Reset, ResetReason, SessionChanged
from tests.sync.talk import ask, begin, caught_up, execute, has_status


async def head(scope: Scope) -> str:
    """The cursor of now."""
    async with scope.tx() as tx:
        number = await tx.scalar(sa.text("SELECT head FROM users WHERE id = :id"), {"id": scope.viewer.id})
    return str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, number or 0))


async def told(scope: Scope, after: str) -> list[object]:
    """What a window is told after a cursor: ids of what changed, and how that ended."""
    async with streams.account(scope, after) as window:
        events = await caught_up(window)
    end = events[-1]
    ids: list[object] = [event.row.id for event in events if isinstance(event, ProjectChanged | SessionChanged)]
    return [*ids, end.reason if isinstance(end, Reset) else type(end)]


async def age(scope: Scope, table: str, days: int, id: UUID) -> None:
    """Has something been deleted some days ago."""
    await execute(scope, f"UPDATE {table} SET deleted_at = now() - interval '{days} days' WHERE id = :id", id=id)


async def test_what_was_deleted_is_told_for_thirty_days(scope: Scope) -> None:
    start = await head(scope)
    project = await projects.create(scope, "Garden")
    await projects.delete(scope, project.id)
    await age(scope, "projects", 29, project.id)
    await tidy_once(scope.process)
    assert await told(scope, start) == [project.id, CaughtUp]


async def test_a_cursor_from_before_a_forgotten_deletion_has_expired(scope: Scope, stranger: Scope) -> None:
    start, elsewhere = await head(scope), await head(stranger)
    project = await projects.create(scope, "Garden")
    made = await head(scope)
    await projects.delete(scope, project.id)
    deleted = await head(scope)
    kept = await projects.create(scope, "Orchard")
    await age(scope, "projects", 31, project.id)
    await tidy_once(scope.process)
    for before in (start, made):
        assert await told(scope, before) == [ResetReason.EXPIRED]
    assert await told(scope, deleted) == [kept.id, CaughtUp]
    assert await told(stranger, elsewhere) == [CaughtUp]


async def test_a_deleted_session_goes_for_good_with_everything_in_it(scope: Scope, model: ScriptedModel) -> None:
    session_id, kept = await begin(scope), await begin(scope)
    sent = await ask(scope, session_id)
    await model.say("Hello", end=True)
    await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    before = await head(scope)
    await sessions.delete(scope, session_id)
    await age(scope, "sessions", 31, session_id)
    await tidy_once(scope.process)
    async with scope.process.db.system() as tx:
        for table, column in (("sessions", "id"), ("messages", "session_id"), ("runs", "session_id")):
            query = sa.text(f"SELECT count(*) FROM {table} WHERE {column} = :id")
            assert await tx.scalar(query, {"id": session_id}) == 0
        assert await tx.scalar(sa.text("SELECT count(*) FROM sessions WHERE id = :id"), {"id": kept}) == 1
    assert await told(scope, before) == [ResetReason.EXPIRED]
    assert await told(scope, await head(scope)) == [CaughtUp]


async def test_a_live_window_stays_while_old_tombstones_go(scope: Scope) -> None:
    project = await projects.create(scope, "Garden")
    async with streams.account(scope, await head(scope)) as window:
        assert [type(event) for event in await caught_up(window)] == [CaughtUp]
        await projects.delete(scope, project.id)
        assert isinstance(await anext(window), ProjectChanged)
        await age(scope, "projects", 31, project.id)
        await tidy_once(scope.process)
        later = await projects.create(scope, "Orchard")
        event = await anext(window)
        assert isinstance(event, ProjectChanged)
        assert event.row.id == later.id
