"""A window's own read and what its feed tells it are of different moments, and meet exactly."""

import asyncio

import pytest

from chat.runtime import Life
from chat.subscriptions import streams
from db.models import RunStatus
from llm.scripted import ScriptedModel
from sync import subscriber as windows
from sync.changes import News, Place
from sync.cursors import ScopeKind
from sync.events import Reset, ResetReason
from sync.session_feed import SessionFeed
from tests.conftest import Server, viewer_of
from tests.sync.buses import Late, process_on
from tests.sync.client import PATIENCE, Client, agree, watching
from tests.sync.talk import PATIENT, ask, begin, has_status, head, journaled


async def test_tokens_that_a_window_has_read_are_not_told_again(server: Server, model: ScriptedModel) -> None:
    bus = Late()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as early:
            sent = await ask(scope, session_id)
            await model.say("One ")
            await early.reads(sent.reply.id, "One ")
            bus.keeping = True
            await model.say("two ")
            await model.say("three ")
            await journaled(scope, 3)
            async with watching(scope, session_id) as late:
                assert late.shown[sent.reply.id].text == "One two three "
                assert early.shown[sent.reply.id].text == "One "
                bus.release()
                await model.say("four", end=True)
                await asyncio.gather(early.over(sent.run.id), late.over(sent.run.id))
                await agree(scope, session_id, early, late)


async def test_rows_that_a_window_has_read_are_not_told_again(server: Server, model: ScriptedModel) -> None:
    bus = Late()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as early:
            cursor = await head(scope, session_id)
            bus.keeping = True
            sent = await ask(scope, session_id)
            await model.say("Yes")
            await journaled(scope, 1)
            async with watching(scope, session_id, cursor) as late:
                told = len(late.told)
                assert late.shown[sent.reply.id].text == "Yes"
                bus.release()
                await early.reads(sent.reply.id, "Yes")
                await model.say(".")
                await asyncio.gather(*(each.reads(sent.reply.id, "Yes.") for each in (early, late)))
                assert len(late.told) == told + 1
                await model.finish()
                await asyncio.gather(early.over(sent.run.id), late.over(sent.run.id))
                await agree(scope, session_id, early, late)


async def test_tokens_that_come_after_the_end_of_their_run_are_dropped(server: Server, model: ScriptedModel) -> None:
    bus = Late()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as early:
            sent = await ask(scope, session_id)
            await model.say("One ")
            await early.reads(sent.reply.id, "One ")
            bus.keeping = True
            await model.say("two", end=True)
            await has_status(scope, sent.run.id, RunStatus.COMPLETED)
            async with watching(scope, session_id) as late:
                assert late.shown[sent.reply.id].text == "One two"
                bus.release()
                await early.over(sent.run.id)
                await ask(scope, session_id, "Next")
                await model.say("Yes.", end=True)
                await late.until(lambda client: client.text == "Yes.")
                await early.until(lambda client: client.text == "Yes.")
                await asyncio.gather(*(each.until(lambda c: len(c.runs) > 0) for each in (early, late)))
                assert late.shown[sent.reply.id].text == early.shown[sent.reply.id].text == "One two"


class Pause:
    """Stops windows between the moment that they read and their going live."""

    def __init__(self, started: Life, monkeypatch: pytest.MonkeyPatch) -> None:
        (feed,) = started.process.feeds._readers
        read = feed.read
        self.reached = asyncio.Event()
        self.over = asyncio.Event()

        async def slowly(place: Place) -> News | None:
            found = await read(place)
            self.reached.set()
            await self.over.wait()
            return found

        monkeypatch.setattr(feed, "read", slowly)


async def test_what_is_told_while_a_window_reads_comes_after_what_it_read(
    server: Server, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of the reply comes before the window reads, its first token after."""
    async with process_on(server, Late(), PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as early, streams.session(scope, session_id, None) as told:
            late, pause = Client(), Pause(started, monkeypatch)
            sent = await ask(scope, session_id)
            await model.until_asked()
            await early.until(lambda client: client.runs.get(sent.run.id) is RunStatus.RUNNING)

            async def read() -> None:
                while not late.shown or late.text != "One ":
                    late.take(await anext(told))

            reading = asyncio.create_task(read())
            await pause.reached.wait()
            await model.say("One ")
            await early.reads(sent.reply.id, "One ")
            pause.over.set()
            await asyncio.wait_for(reading, PATIENCE)
            assert late.caught_up == 1


async def test_what_the_feed_reads_while_a_window_reads_leaves_no_hole(
    server: Server, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window reads the row when one event was written, its feed when there were two."""
    bus = Late()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as early:
            pause = Pause(started, monkeypatch)
            bus.keeping = True
            sent = await ask(scope, session_id)
            await model.say("One ")
            await journaled(scope, 1)
            async with watching(scope, session_id, live=False) as late:
                await pause.reached.wait()
                await model.say("two ")
                await journaled(scope, 2)
                bus.release()
                await early.reads(sent.reply.id, "One two ")
                pause.over.set()
                await late.reads(sent.reply.id, "One two ")
                await model.say("three", end=True)
                await asyncio.gather(early.over(sent.run.id), late.over(sent.run.id))
                await agree(scope, session_id, early, late)


async def test_a_reset_that_comes_while_a_window_reads_is_not_forgotten(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with process_on(server, Late(), PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        cursor = await head(scope, session_id)
        async with watching(scope, session_id):
            pause = Pause(started, monkeypatch)
            async with watching(scope, session_id, cursor, live=False) as late:
                await pause.reached.wait()
                (feed,) = started.process.feeds._readers
                feed.end(ResetReason.ACCESS_CHANGED)
                pause.over.set()
                await late.until(lambda client: client.reset)
                assert late.told == [Reset(ResetReason.ACCESS_CHANGED)]


async def test_a_feed_that_reads_a_row_later_than_a_window_does_not_leave_a_hole(
    server: Server, model: ScriptedModel
) -> None:
    """The window reads the row when 1 event was written, the feed when 3 were: the window gets what lies between."""
    bus = Late()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as early:
            bus.keeping = True
            sent = await ask(scope, session_id)
            await model.say("One ")
            await journaled(scope, 1)
            async with watching(scope, session_id) as late:
                assert late.shown[sent.reply.id].text == "One "
                await model.say("two ")
                await model.say("three ")
                await journaled(scope, 3)
                bus.release()
                await asyncio.gather(*(each.reads(sent.reply.id, "One two three ") for each in (early, late)))
                await model.say("four", end=True)
                await asyncio.gather(early.over(sent.run.id), late.over(sent.run.id))
                await agree(scope, session_id, early, late)


async def test_a_frame_that_is_larger_than_a_backlog_wakes_a_waiting_window(
    server: Server, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "BACKLOG", 10)
    async with process_on(server, Late(), PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("0,")
            await client.reads(sent.reply.id, "0,")
            feed = next(feed for feed in started.process.feeds._readers if feed.kind is ScopeKind.SESSION)
            assert isinstance(feed, SessionFeed)
            writing = feed.writing[sent.run.id]
            pen = started.process.journal.pen(
                run_id=sent.run.id,
                session_id=session_id,
                message_id=sent.reply.id,
                epoch=writing.epoch,
                producer=started.process.id,
                written=writing.last,
            )
            await pen.write(*(("a", 0, 2 + number, "x") for number in range(50)))
            await client.reads(sent.reply.id, "0," + "x" * 50)
            await agree(scope, session_id, client)
