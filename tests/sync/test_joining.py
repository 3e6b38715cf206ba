"""Windows that come at any moment of a reply show the same text."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import engines
from chat.scope import Scope
from db.database import Database
from db.models import MessageStatus, RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from tests.conftest import Server, viewer_of
from tests.sync.client import Client, agree, watching
from tests.sync.talk import ask, at, begin


async def test_a_window_shows_a_reply_token_by_token(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("Hel")
        await client.reads(sent.reply.id, "Hel")
        assert client.shown[sent.reply.id].status is MessageStatus.STREAMING
        await model.say("lo", end=True)
        await client.over(sent.run.id)
        assert client.shown[sent.reply.id].text == "Hello"
        assert client.runs == {sent.run.id: RunStatus.COMPLETED}
        await agree(scope, session_id, client)


async def test_late_windows_in_this_and_another_process_miss_nothing(
    server: Server, scope: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    async with server.process() as other, watching(scope, session_id) as early:
        sent = await ask(scope, session_id)
        await model.say("A tr")
        await early.reads(sent.reply.id, "A tr")
        async with watching(scope, session_id) as late, watching(at(scope, other), session_id) as far:
            assert late.shown[sent.reply.id].text == far.shown[sent.reply.id].text == "A tr"
            await model.say("ans")
            await asyncio.gather(*(client.reads(sent.reply.id, "A trans") for client in (early, late, far)))
            async with watching(at(scope, other), session_id) as later:
                assert later.shown[sent.reply.id].text == "A trans"
                await model.say("om 😀", end=True)
                clients = (early, late, far, later)
                await asyncio.gather(*(client.over(sent.run.id) for client in clients))
                assert {client.shown[sent.reply.id].text for client in clients} == {"A transom 😀"}
                await agree(scope, session_id, *clients)


async def test_reasoning_and_tools_arrive_in_order(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as early:
        sent = await ask(scope, session_id)
        await model.think("Let me see. ")
        await model.call("c1", "weather", '{"in": "Ulm"}')
        await early.until(lambda client: len(client.shown[sent.reply.id].parts) == 2)
        async with watching(scope, session_id) as late:
            await model.result("c1", "weather", "Rain.")
            await model.say("It rains.", end=True)
            await asyncio.gather(early.over(sent.run.id), late.over(sent.run.id))
            await agree(scope, session_id, early, late)
            assert [part["kind"] for part in late.shown[sent.reply.id].parts] == [
                "reasoning",
                "toolCall",
                "toolResult",
                "text",
            ]


async def test_hundreds_of_windows_that_join_all_through_a_reply_show_the_same(
    server: Server, model: ScriptedModel
) -> None:
    async with server.process() as here, server.process(produces=False) as there, AsyncExitStack() as stack:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        sent = await ask(scope, session_id)
        joined = asyncio.Event()

        async def speak() -> str:
            said: list[str] = []
            while not joined.is_set():
                said.append(f"{len(said)}·😀 ")  # 1, 2 and 4 bytes; a surrogate pair
                await model.say(said[-1])
                await asyncio.sleep(0.0005)
            await model.finish()
            return "".join(said)

        speaking = asyncio.create_task(speak())
        clients: list[Client] = []
        for turn in range(200):
            somewhere = at(scope, here if turn % 2 else there)
            clients.append(await stack.enter_async_context(watching(somewhere, session_id, live=False)))
        joined.set()
        said = await speaking
        await asyncio.gather(*(client.reads(sent.reply.id, said) for client in clients))
        await asyncio.gather(*(client.complete(sent.reply.id) for client in clients))
        await agree(scope, session_id, *clients)


async def test_what_a_window_begins_with_is_the_newest_messages_in_order(db: Database, urls: engines.Urls) -> None:
    server = Server(db, urls.redis, Models({"scripted": ScriptedModel.streaming("Yes.")}))
    async with server.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = [await ask(scope, session_id, f"Number {number}") for number in range(30)]
            await client.over(*(each.run.id for each in sent))
        async with watching(scope, session_id) as fresh:
            newest = [message.id for each in sent[5:] for message in (each.message, each.reply)]
            assert list(fresh.shown) == newest
            assert fresh.caught_up == 1
            assert {shown.status for shown in fresh.shown.values()} == {MessageStatus.COMPLETE}
            assert fresh.cursor == client.cursor


async def test_who_breaks_off_among_the_newest_messages_goes_on_without_a_gap(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    first = await ask(scope, session_id, "One")
    await model.say("First.", end=True)
    second = await ask(scope, session_id, "Two")
    await model.say("Sec")
    async with watching(scope, session_id) as whole:
        await whole.reads(second.reply.id, "Sec")
    broken = Client()
    broken.take(whole.told[0])
    assert list(broken.shown) == [first.message.id]
    async with watching(scope, session_id, broken.cursor, client=broken):
        await model.say("ond.", end=True)
        await broken.over(second.run.id)
        await agree(scope, session_id, broken)


async def test_events_of_rows_come_in_the_order_of_their_numbers(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        for _ in range(3):
            sent = await ask(scope, session_id)
            await model.say("Yes.", end=True)
            await client.over(sent.run.id)
        numbers = [event.cursor.seq for event in client.told if hasattr(event, "cursor")]
        assert all(earlier <= later for earlier, later in pairwise(numbers))
