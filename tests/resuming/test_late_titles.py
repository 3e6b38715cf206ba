"""A title that comes after its session was deleted is no news to anybody."""

import asyncio

import pytest

from chat.conversation import messages, sessions
from chat.conversation.sessions import NewSession
from chat.library import projects
from chat.refusals import NotFound
from chat.scope import Scope
from db.models import RunStatus
from llm.scripted import ScriptedModel
from sync.events import CaughtUp, ProjectChanged, ResetReason, SessionChanged
from tests.sync.client import PATIENCE, watching
from tests.sync.talk import has_status
from tests.sync.test_changes import Sidebar, sidebar


async def until_titled() -> None:
    """Returns when no title is being made."""
    async with asyncio.timeout(PATIENCE):
        while under_way := [task for task in asyncio.all_tasks() if task.get_name().startswith("title ")]:
            await asyncio.wait(under_way)


async def until_gone(sidebar: Sidebar) -> None:
    """Returns when the sidebar is empty."""
    await sidebar.until(lambda shown: shown.told and isinstance(shown.told[-1], SessionChanged) and not shown.lines)


async def test_a_late_title_is_told_to_no_window(scope: Scope, model: ScriptedModel) -> None:
    reply, title = model.script(), model.script()
    async with sidebar(scope) as before:
        sent = await messages.send(scope, NewSession(), "What is a transom?")
        session_id = sent.seen[0].id
        async with watching(scope, session_id) as window:
            await reply.say("A bar.", end=True)
            await model.until_asked(2)
            await has_status(scope, sent.run.id, RunStatus.COMPLETED)
            await sessions.delete(scope, session_id)
            await window.until(lambda client: client.reset is ResetReason.ACCESS_CHANGED)
        await until_gone(before)
        heard = len(before.told)
        await title.say("Parts of a window", end=True)
        await until_titled()
        project = await projects.create(scope, "Garden")
        await before.until(lambda shown: project.id in shown.projects)
        assert [type(event) for event in before.told[heard:]] == [ProjectChanged]
        assert "Parts of a window" not in before.titles
    async with sidebar(scope) as fresh:
        assert fresh.lines == {}
    with pytest.raises(NotFound):
        async with watching(scope, session_id):
            pass


async def test_a_late_title_leaves_the_cursors_where_they_were(scope: Scope, model: ScriptedModel) -> None:
    reply, title = model.script(), model.script()
    sent = await messages.send(scope, NewSession(), "What is a transom?")
    session_id = sent.seen[0].id
    await reply.say("A bar.", end=True)
    await model.until_asked(2)
    await sessions.delete(scope, session_id)
    async with sidebar(scope) as before:
        pass
    await title.say("Parts of a window", end=True)
    await until_titled()
    async with sidebar(scope, before.cursor) as after:
        assert [type(event) for event in after.told] == [CaughtUp]
        assert after.cursor == before.cursor
