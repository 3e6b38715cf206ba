"""What windows need is given back when they leave."""

import asyncio
import gc
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from chat.runtime import Life
from chat.scope import Scope
from llm.scripted import ScriptedModel
from sync.cursors import ScopeKind
from sync.feed import Gone
from sync.session_feed import SessionFeed
from sync.subscriber import Window
from tests.conftest import Server, viewer_of
from tests.sync.buses import Lossy, process_on
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, begin


def at_rest(started: Life, bus: Lossy) -> bool:
    """Whether the process follows nothing."""
    feeds = started.process.feeds
    listened = [channel for channel in bus._listenings if ":runs:" not in channel]
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith("feed ")]
    return not (feeds._open or feeds._readers or feeds._waiting or listened or tasks)


async def comes_to_rest(started: Life, bus: Lossy) -> None:
    """Returns when the process follows nothing."""
    async with asyncio.timeout(10):
        while not at_rest(started, bus):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_nothing_remains_after_the_last_window(server: Server, model: ScriptedModel) -> None:
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        assert at_rest(started, bus)
        async with watching(scope, session_id) as first:
            async with watching(scope, session_id):
                assert len(started.process.feeds._readers) == 1
            sent = await ask(scope, session_id)
            await model.say("Yes.", end=True)
            await first.over(sent.run.id)
            assert not at_rest(started, bus)
        await comes_to_rest(started, bus)
        gc.collect()
        assert [each for each in gc.get_objects() if isinstance(each, Window)] == []


async def test_hundreds_of_windows_come_and_go_at_once(server: Server, model: ScriptedModel) -> None:
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        sessions = [await begin(scope) for _ in range(5)]
        sent = await ask(scope, sessions[0])
        await model.say("Here ")

        async def visit(number: int) -> bool:
            async with watching(scope, sessions[number % 5]) as client:
                await agree(scope, sessions[number % 5], client)
            return True

        async def break_off(number: int) -> bool:
            task = asyncio.create_task(visit(number))
            for _ in range(number % 60):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            return True

        visits = [visit(number) if number % 2 else break_off(number) for number in range(500)]
        assert all(await asyncio.gather(*visits))
        await comes_to_rest(started, bus)
        async with watching(scope, sessions[0]) as client:
            await model.say("still.", end=True)
            await client.over(sent.run.id)
            await agree(scope, sessions[0], client)
        await comes_to_rest(started, bus)


async def test_a_window_on_nothing_leaves_nothing(server: Server) -> None:
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        for kind in ScopeKind:
            with pytest.raises(Gone):
                await started.process.feeds.join(kind, uuid4(), uuid4(), None)
        assert at_rest(started, bus)


async def test_a_feed_that_cannot_be_opened_leaves_nothing(server: Server) -> None:
    """The first read of the rows fails, in a way that does not pass by itself."""
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with started.process.db.system() as tx:
            await tx.execute(sa.text("ALTER TABLE branches RENAME TO twigs"))
        try:
            with pytest.raises(asyncpg.UndefinedTableError):
                await started.process.feeds.join(ScopeKind.SESSION, session_id, scope.viewer.id, None)
        finally:
            async with started.process.db.system() as tx:
                await tx.execute(sa.text("ALTER TABLE twigs RENAME TO branches"))
        assert at_rest(started, bus)


async def test_a_run_that_ended_is_not_remembered(server: Server, model: ScriptedModel) -> None:
    async with process_on(server, Lossy(), PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            for _ in range(3):
                sent = await ask(scope, session_id)
                await model.say("Yes.", end=True)
                await client.over(sent.run.id)
            (feed,) = started.process.feeds._readers
            (window,) = feed.windows
            assert isinstance(feed, SessionFeed)
            assert feed.writing == {}
            assert window._known == {}
            assert started.process.stops == {}
            assert (len(window._held), len(window._ready)) == (0, 0)
            assert await outlasting(scope) == 0


async def outlasting(scope: Scope) -> int:
    """Rows that are left in the journal."""
    async with scope.process.db.system() as tx:
        return int(await tx.scalar(sa.text("SELECT count(*) FROM deltas")) or 0)
