"""The end of a reply reaches every window, however it was cut short and whatever was lost on the way."""

import asyncio

import pytest

from chat.process import Timing
from chat.runs import runs
from chat.scope import Scope
from db.models import MessageStatus, RunStatus
from llm.scripted import ScriptedModel
from sync.events import BranchChanged, CaughtUp, MessageChanged, RunChanged, TextDelta
from tests.conftest import Server, viewer_of
from tests.sync.buses import Lossy, process_on
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin, has_status, head

UNHURRIED = Timing(lease=30, grace=5, heartbeat=0.2, sweep=5)
"""Only the heartbeat is quick."""


@pytest.mark.parametrize("words", [("two", " and three"), ()], ids=["with its last words", "alone"])
async def test_the_end_of_a_reply_is_told_within_a_heartbeat_though_everything_about_it_was_lost(
    server: Server, model: ScriptedModel, words: tuple[str, ...]
) -> None:
    bus = Lossy()
    async with process_on(server, bus, UNHURRIED) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("One ")
            await client.reads(sent.reply.id, "One ")
            bus.loses = lambda channel, payload: True
            for word in words:
                await model.say(word)
            await model.finish()
            await has_status(scope, sent.run.id, RunStatus.COMPLETED)
            async with asyncio.timeout(2):
                await client.over(sent.run.id)
            assert client.shown[sent.reply.id].text == "One " + "".join(words)
            await agree(scope, session_id, client)


async def test_who_comes_back_just_after_the_end_is_told_the_end_once(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        for word in ("The ", "last ", "word"):
            await model.say(word)
        await client.reads(sent.reply.id, "The last word")
        assert isinstance(client.told[-1], TextDelta)
    await model.finish()
    await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    seen = len(client.told)
    async with watching(scope, session_id, client.cursor, client=client):
        assert [type(event) for event in client.told[seen:]] == [MessageChanged, RunChanged, BranchChanged, CaughtUp]
        assert client.shown[sent.reply.id].status is MessageStatus.COMPLETE
        await agree(scope, session_id, client)
    async with watching(scope, session_id, await head(scope, session_id)) as again:
        assert [type(event) for event in again.told] == [BranchChanged, CaughtUp]


async def test_a_reply_that_is_cancelled_keeps_its_tail(scope: Scope, model: ScriptedModel) -> None:
    """The request comes right behind the last token, which nobody may have seen or stored yet."""
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        for count in (1, 2, 30):
            script, sent = model.script(), await ask(scope, session_id)
            for number in range(count):
                await script.say(f"{number}🪟 ")
            await runs.cancel(scope, sent.run.id)
            await client.over(sent.run.id)
            assert client.runs[sent.run.id] is RunStatus.CANCELLED
            assert client.shown[sent.reply.id].text == "".join(f"{number}🪟 " for number in range(count))
        await agree(scope, session_id, client)


async def test_a_reply_whose_process_stops_keeps_its_tail(server: Server, model: ScriptedModel) -> None:
    async with server.process(produces=False, timing=PATIENT) as other:
        scope = await viewer_of(other)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            async with server.process(timing=PATIENT) as producing:
                sent = await ask(at(scope, producing), session_id)
                for number in range(30):
                    await model.say(f"{number}🪟 ")
            await client.over(sent.run.id)
            assert client.runs[sent.run.id] is RunStatus.INTERRUPTED
            assert client.shown[sent.reply.id].text == "".join(f"{number}🪟 " for number in range(30))
            await agree(scope, session_id, client)
