"""What the bus loses is read from the rows and the journal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from chat.conversation import messages
from chat.process import Timing
from db.database import Database
from llm.models import Models
from llm.scripted import ScriptedModel
from sync import feeds
from sync.events import MessageChanged
from tests.conftest import QUICK, Server, viewer_of
from tests.pubsub.valkey import Valkey
from tests.support.proxy import Proxy
from tests.sync.buses import Lossy, is_bell, is_frame, process_on
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin

UNHURRIED = Timing(lease=30, grace=5, heartbeat=0.2, sweep=5)
"""Only the heartbeat is quick."""


@pytest.fixture
async def valkey() -> AsyncIterator[Valkey]:
    """A Valkey of one test, to be killed."""
    async with Valkey() as valkey:
        yield valkey


async def test_the_heartbeat_finds_what_no_doorbell_told(server: Server, model: ScriptedModel) -> None:
    bus = Lossy()
    bus.loses = lambda channel, payload: is_bell(channel, payload) or is_frame(channel, payload)
    async with process_on(server, bus, UNHURRIED) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("One ")
            await client.reads(sent.reply.id, "One ")
            await model.say("two", end=True)
            await client.over(sent.run.id)
            await agree(scope, session_id, client)
            assert bus.lost > 4


async def test_the_heartbeat_finds_it_for_more_feeds_than_it_compares_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "AT_ONCE", 2)
    bus = Lossy()
    bus.loses = is_bell
    async with process_on(server, bus, UNHURRIED) as started, AsyncExitStack() as stack:
        scope = await viewer_of(started)
        ids = [await begin(scope) for _ in range(5)]
        clients = [await stack.enter_async_context(watching(scope, session_id)) for session_id in ids]
        for session_id, client in zip(ids, clients, strict=True):
            said = await messages.post(scope, session_id, "Is anybody there?")
            await client.reads(said.message.id, "Is anybody there?")


async def test_a_lost_frame_is_read_from_the_journal_when_the_next_one_comes(
    server: Server, model: ScriptedModel
) -> None:
    bus = Lossy()
    async with process_on(server, bus, PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("One ")
            await client.reads(sent.reply.id, "One ")
            wholes = len([event for event in client.told if isinstance(event, MessageChanged)])
            bus.loses = is_frame
            await model.say("two ")
            await until_lost(bus, 1)
            await model.say("three ")
            await until_lost(bus, 2)
            bus.loses = lambda *_: False
            await model.say("four ")
            await client.reads(sent.reply.id, "One two three four ")
            assert len([event for event in client.told if isinstance(event, MessageChanged)]) == wholes
            await model.finish()
            await client.over(sent.run.id)
            await agree(scope, session_id, client)


async def until_lost(bus: Lossy, count: int) -> None:
    """Returns when the bus has lost so many messages."""
    async with asyncio.timeout(10):
        while bus.lost < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_the_last_frame_before_a_pause_is_found_by_the_heartbeat(server: Server, model: ScriptedModel) -> None:
    bus = Lossy()
    async with process_on(server, bus, UNHURRIED) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("One ")
            await client.reads(sent.reply.id, "One ")
            bus.loses = is_frame
            await model.say("two")
            await client.reads(sent.reply.id, "One two")
            await model.finish()
            await client.over(sent.run.id)


async def test_every_third_message_is_lost(db: Database, server: Server) -> None:
    counted = iter(range(1_000_000))
    bus = Lossy()
    bus.loses = lambda channel, payload: ":session:" in channel and next(counted) % 3 == 0
    text = " ".join(str(number) for number in range(500))
    server.models = Models({"scripted": ScriptedModel.streaming(text, interval=0.0005)})
    async with process_on(server, bus, UNHURRIED) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = [await ask(scope, session_id) for _ in range(3)]
            await client.over(*(each.run.id for each in sent))
            assert [client.shown[each.reply.id].text for each in sent] == [text] * 3
            await agree(scope, session_id, client)


async def test_valkey_is_killed_and_comes_back_empty_during_a_reply(
    db: Database, model: ScriptedModel, valkey: Valkey
) -> None:
    server = Server(db, valkey.url, Models({"scripted": model}))
    async with server.process(timing=UNHURRIED) as here, server.process(produces=False, timing=UNHURRIED) as there:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        async with watching(scope, session_id) as near, watching(at(scope, there), session_id) as far:
            sent = await ask(scope, session_id)
            await model.say("Before, ")
            await far.reads(sent.reply.id, "Before, ")
            await valkey.kill()
            await model.say("meanwhile ")
            await asyncio.gather(*(client.reads(sent.reply.id, "Before, meanwhile ") for client in (near, far)))
            await valkey.start()
            await model.say("and after.", end=True)
            await asyncio.gather(near.over(sent.run.id), far.over(sent.run.id))
            await agree(scope, session_id, near, far)
            again = await ask(at(scope, there), session_id)
            await model.say("Yes.", end=True)
            await asyncio.gather(near.over(again.run.id), far.over(again.run.id))
            await agree(scope, session_id, near, far)


async def test_two_processes_agree_without_any_valkey(db: Database, model: ScriptedModel, valkey: Valkey) -> None:
    await valkey.kill()
    server = Server(db, valkey.url, Models({"scripted": model}))
    async with server.process(timing=QUICK) as here, server.process(produces=False, timing=QUICK) as there:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        async with watching(scope, session_id) as near, watching(at(scope, there), session_id) as far:
            sent = await ask(at(scope, there), session_id)
            await model.say("One ")
            await asyncio.gather(*(client.reads(sent.reply.id, "One ") for client in (near, far)))
            await model.say("two", end=True)
            await asyncio.gather(near.over(sent.run.id), far.over(sent.run.id))
            await agree(scope, session_id, near, far)
    await valkey.start()


async def test_a_connection_that_is_cut_again_and_again_loses_nothing(
    db: Database, model: ScriptedModel, valkey: Valkey
) -> None:
    async with Proxy(valkey.path) as proxy:
        models = Models({"scripted": model})
        server, cut = Server(db, valkey.url, models), Server(db, f"redis://127.0.0.1:{proxy.port}", models)
        async with server.process(timing=PATIENT) as here, cut.process(produces=False, timing=PATIENT) as there:
            scope = await viewer_of(here)
            session_id = await begin(scope)
            async with watching(scope, session_id) as near, watching(at(scope, there), session_id) as far:
                sent = await ask(scope, session_id)
                said = ""
                for number in range(5):
                    await model.say(f"{number} ")
                    said += f"{number} "
                    await near.reads(sent.reply.id, said)
                    proxy.reset()
                    await model.say("lost? ")
                    said += "lost? "
                    await far.reads(sent.reply.id, said)  # by the notice of loss: no heartbeat comes to help
                await model.finish()
                await asyncio.gather(near.over(sent.run.id), far.over(sent.run.id))
                await agree(scope, session_id, near, far)
