"""The windows of an account: what sidebars show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chat.conversation import messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import projects
from chat.scope import Scope
from chat.subscriptions import streams
from db.listing import Filter
from db.models import RunStatus, TitleSource
from db.page import Span
from llm.scripted import ScriptedModel
from sync.cursors import Cursor
from sync.events import AccountEvent, AgentChanged, CaughtUp, ProjectChanged, Reset, ResetReason, SessionChanged
from tests.conftest import Server, viewer_of
from tests.sync.client import PATIENCE
from tests.sync.talk import at, has_status


@dataclass
class Line:
    """A session in a sidebar."""

    title: str | None
    preview: str | None
    activity: datetime
    archived: bool


@dataclass
class Sidebar:
    """A client that knows of an account only what a window tells it."""

    lines: dict[UUID, Line] = field(default_factory=dict)
    projects: dict[UUID, str] = field(default_factory=dict)
    told: list[AccountEvent] = field(default_factory=list)
    titles: list[str | None] = field(default_factory=list)
    cursor: str | None = None
    caught_up: int = 0
    reset: ResetReason | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: AccountEvent) -> None:
        """Applies one event."""
        self.told.append(event)
        match event:
            case SessionChanged(cursor, row, membership):
                self._advance(cursor)
                self.lines.pop(row.id, None)
                if row.deleted_at is None:
                    archived = membership.archived_at is not None
                    self.lines[row.id] = Line(
                        row.title, row.last_message_preview, membership.last_activity_at, archived
                    )
                    self.titles.append(row.title)
            case ProjectChanged(cursor, row):
                self._advance(cursor)
                self.projects.pop(row.id, None)
                if row.deleted_at is None:
                    self.projects[row.id] = row.name
            case AgentChanged(cursor):
                self._advance(cursor)
            case CaughtUp(cursor):
                self._advance(cursor)
                self.caught_up += 1
            case Reset(reason):
                self.reset = reason
        self._news.set()

    def _advance(self, cursor: Cursor) -> None:
        assert self.cursor is None or cursor.seq >= Cursor.parse(self.cursor).seq, "A cursor went back."
        self.cursor = str(cursor)

    async def until(self, holds: object) -> None:
        """Returns when `holds(self)`."""
        assert callable(holds)
        async with asyncio.timeout(PATIENCE):
            while not holds(self):
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def sidebar(scope: Scope, after: str | None = None) -> AsyncIterator[Sidebar]:
    """A window on the viewer's account that has caught up."""
    shown = Sidebar()
    async with streams.account(scope, after) as told:

        async def follow() -> None:
            async for event in told:
                shown.take(event)

        task = asyncio.create_task(follow())
        try:
            await shown.until(lambda shown: shown.caught_up or shown.reset)
            yield shown
        finally:
            task.cancel()
            await asyncio.wait({task})


async def listed(scope: Scope) -> dict[UUID, Line]:
    """The sidebar as a fresh fetch gives it."""
    page = (await sessions.page(scope, Span(100), Filter())).page
    return {
        row.id: Line(row.title, row.last_message_preview, row.last_activity_at, row.archived_at is not None)
        for row in page.rows
    }


async def test_projects_are_told_when_they_are_made_renamed_and_deleted(scope: Scope) -> None:
    async with sidebar(scope) as shown:
        project = await projects.create(scope, "Garden")
        await shown.until(lambda shown: shown.projects == {project.id: "Garden"})
        await projects.edit(scope, project.id, name="Orchard")
        await shown.until(lambda shown: shown.projects == {project.id: "Orchard"})
        await projects.delete(scope, project.id)
        await shown.until(lambda shown: shown.projects == {})


async def test_a_session_is_told_from_its_making_to_its_deletion(scope: Scope, model: ScriptedModel) -> None:
    async with sidebar(scope) as shown:
        session, _ = await sessions.create(scope, NewSession(title="Plans"))
        await shown.until(lambda shown: session.id in shown.lines)
        assert shown.lines[session.id].preview is None
        sent = await messages.send(scope, session.id, "Where to?")
        await shown.until(lambda shown: shown.lines[session.id].preview == "Where to?")
        asked = shown.lines[session.id].activity
        await model.say("To Ulm.", end=True)
        await shown.until(lambda shown: shown.lines[session.id].preview == "To Ulm.")
        assert shown.lines[session.id].activity > asked
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
        await sessions.edit(scope, session.id, title="Ulm")
        await shown.until(lambda shown: shown.lines[session.id].title == "Ulm")
        await sessions.edit(scope, session.id, personal=Personal(archived=True))
        await shown.until(lambda shown: shown.lines[session.id].archived)
        assert shown.lines == await listed(scope)
        await sessions.delete(scope, session.id)
        await shown.until(lambda shown: shown.lines == {})


async def test_a_session_without_a_title_gets_one_from_its_first_words_and_then_from_the_model(
    scope: Scope, model: ScriptedModel
) -> None:
    reply, title = model.script(), model.script()
    async with sidebar(scope) as shown:
        sent = await messages.send(scope, NewSession(), "How do I prune an apple tree?")
        session_id = sent.seen[0].id
        await reply.say("In winter.", end=True)
        await shown.until(lambda shown: session_id in shown.lines and shown.lines[session_id].preview == "In winter.")
        assert shown.lines[session_id].title == "How do I prune an apple tree?"
        await title.say('"Pruning apple trees"\n', end=True)
        await shown.until(lambda shown: shown.lines[session_id].title == "Pruning apple trees")
        assert shown.lines == await listed(scope)
        found = await sessions.get(scope, session_id)
        assert found is not None
        assert found[0].title_source is TitleSource.MODEL
        assert title.request is not None
        assert "How do I prune an apple tree?" in str(title.request.turns)


async def test_a_persons_title_is_not_replaced_by_the_models(scope: Scope, model: ScriptedModel) -> None:
    reply, title, next_reply = model.script(), model.script(), model.script()
    async with sidebar(scope) as shown:
        sent = await messages.send(scope, NewSession(), "Hi")
        session_id = sent.seen[0].id
        await reply.say("Hello.", end=True)
        await model.until_asked(2)
        await sessions.edit(scope, session_id, title="Mine")
        await title.say("Greeting", end=True)
        again = await messages.send(scope, session_id, "Go on")
        await next_reply.say("On.", end=True)
        await has_status(scope, again.run.id, RunStatus.COMPLETED)
        await shown.until(lambda shown: shown.lines[session_id].preview == "On.")
        assert shown.lines[session_id].title == "Mine"
        assert "Greeting" not in shown.titles
        assert len(model.requests) == 3


async def test_two_windows_of_one_account_in_two_processes_agree(server: Server, scope: Scope) -> None:
    async with server.process(produces=False) as other:
        there = at(scope, other)
        async with sidebar(scope) as near, sidebar(there) as far:
            made = [
                await sessions.create(each, NewSession(title=f"Number {number}"))
                for number, each in enumerate([scope, there] * 10)
            ]
            await sessions.delete(there, made[0][0].id)
            await sessions.edit(scope, made[1][0].id, personal=Personal(archived=True))
            await projects.create(there, "Last")
            await asyncio.gather(*(each.until(lambda each: "Last" in each.projects.values()) for each in (near, far)))
            assert near.lines == far.lines == await listed(scope)
            assert len(near.lines) == 19
            assert near.cursor == far.cursor


async def test_what_changed_meanwhile_is_caught_up_with(scope: Scope) -> None:
    async with sidebar(scope) as before:
        pass
    project = await projects.create(scope, "Garden")
    session, _ = await sessions.create(scope, NewSession(title="Plans"))
    gone, _ = await sessions.create(scope, NewSession(title="Gone"))
    await sessions.delete(scope, gone.id)
    async with sidebar(scope, before.cursor) as shown:
        assert shown.projects == {project.id: "Garden"}
        assert shown.lines == await listed(scope)
        assert list(shown.lines) == [session.id]
        assert len(shown.told) == 4
    async with sidebar(scope, shown.cursor) as nothing:
        assert [type(event) for event in nothing.told] == [CaughtUp]


async def test_a_stranger_hears_nothing(server: Server, scope: Scope, stranger: Scope, model: ScriptedModel) -> None:
    async with server.process(produces=False) as other, sidebar(stranger) as near, sidebar(at(stranger, other)) as far:
        async with sidebar(scope) as own:
            await projects.create(scope, "Garden")
            session, _ = await sessions.create(scope, NewSession(title="Plans"))
            sent = await messages.send(scope, session.id, "Where to?")
            await model.say("To Ulm.", end=True)
            await has_status(scope, sent.run.id, RunStatus.COMPLETED)
            await sessions.delete(scope, session.id)
            await own.until(lambda own: own.lines == {} and own.projects)
        mine = await projects.create(stranger, "Mine")
        for shown in (near, far):
            await shown.until(lambda shown: shown.projects == {mine.id: "Mine"})
            assert [type(event) for event in shown.told] == [CaughtUp, ProjectChanged]


async def test_an_account_has_its_cursors_for_itself(scope: Scope, stranger: Scope) -> None:
    async with sidebar(scope) as own:
        pass
    async with sidebar(stranger, own.cursor) as shown:
        assert shown.reset is ResetReason.BAD_CURSOR


async def test_a_viewer_who_comes_first_sees_an_empty_account(server: Server) -> None:
    async with server.process() as started:
        scope = await viewer_of(started)
        async with sidebar(scope) as shown:
            assert [type(event) for event in shown.told] == [CaughtUp]
