"""A client that comes back with its last cursor gets exactly what it missed."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from chat.scope import Scope
from db.models import MessageStatus, RunStatus
from llm.scripted import ScriptedModel
from sync import changes
from sync.events import BranchChanged, CaughtUp, MessageChanged, RunChanged
from tests.conftest import Server, viewer_of
from tests.sync.client import Client, agree, watching
from tests.sync.conftest import ANSWER
from tests.sync.talk import ask, at, begin, execute, has_status, head


async def test_a_whole_exchange_is_caught_up_with(talking: Server) -> None:
    async with talking.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            pass
        sent = await ask(scope, session_id)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
        async with watching(scope, session_id, client.cursor, client=client):
            assert client.shown[sent.reply.id].text == ANSWER
            assert client.runs == {sent.run.id: RunStatus.COMPLETED}
            await agree(scope, session_id, client)


async def test_the_rest_of_a_reply_is_caught_up_with(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("One ")
        await client.reads(sent.reply.id, "One ")
    await model.say("two ")
    async with watching(scope, session_id, client.cursor, client=client):
        await client.reads(sent.reply.id, "One two ")
        await model.say("three")
        await client.reads(sent.reply.id, "One two three")
    await model.finish()
    await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    async with watching(scope, session_id, client.cursor, client=client):
        assert client.shown[sent.reply.id].status is MessageStatus.COMPLETE
        await agree(scope, session_id, client)


async def test_with_nothing_missed_nothing_is_told(talking: Server) -> None:
    async with talking.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            await client.over((await ask(scope, session_id)).run.id)
        async with watching(scope, session_id, client.cursor) as again:
            assert [type(event) for event in again.told] == [BranchChanged, CaughtUp]
            assert (again.caught_up, again.cursor) == (1, client.cursor)


async def test_a_deletion_is_caught_up_with(talking: Server) -> None:
    async with talking.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await client.over(sent.run.id)
        await execute(
            scope,
            "WITH s AS (UPDATE sessions SET head = head + 1 WHERE id = :session RETURNING head) "
            "UPDATE messages SET deleted_at = :now, seq = (SELECT head FROM s) WHERE id = :message",
            session=session_id,
            message=sent.reply.id,
            now=datetime.now(UTC),
        )
        async with watching(scope, session_id, client.cursor, client=client):
            assert list(client.shown) == [sent.message.id]
            await agree(scope, session_id, client)


async def test_a_row_that_changed_often_is_told_once(talking: Server) -> None:
    async with talking.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        cursor = await head(scope, session_id)
        sent = await ask(scope, session_id)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
        async with watching(scope, session_id, cursor) as client:
            told = [event.row.id for event in client.told if isinstance(event, MessageChanged | RunChanged)]
            assert told == [sent.message.id, sent.reply.id, sent.run.id]


@pytest.mark.parametrize("page", [1, 2, 3, 7])
async def test_what_was_missed_comes_in_pages_without_a_seam(
    talking: Server, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talking.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        cursor = await head(scope, session_id)
        async with watching(scope, session_id, cursor) as whole:
            sent = [await ask(scope, session_id, f"Number {number}") for number in range(5)]
            await whole.over(*(each.run.id for each in sent))
        monkeypatch.setattr(changes, "PAGE", page)
        async with watching(scope, session_id, cursor) as client:
            assert client.caught_up == 1
            assert client.cursor == whole.cursor
            assert client.runs == whole.runs
            await agree(scope, session_id, client)
        rows = [event for event in client.told if isinstance(event, MessageChanged | RunChanged)]
        assert len(rows) == len({event.row.id for event in rows}) == 15
        assert [event.cursor.seq for event in rows] == sorted(event.cursor.seq for event in rows)


async def test_pages_of_a_feed_reach_live_windows_without_a_seam(
    talking: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "PAGE", 2)
    async with talking.process() as here, talking.process() as there:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client, watching(scope, session_id) as second:
            sent = await asyncio.gather(*(ask(scope, session_id, f"Number {number}") for number in range(8)))
            runs = [each.run.id for each in sent]
            await asyncio.gather(client.over(*runs), second.over(*runs))
            await agree(scope, session_id, client, second)
        assert there.process.id != here.process.id


async def test_query_then_subscribe_has_no_gap(talking: Server) -> None:
    """Whatever is sent between the query and the subscription, and during it, is told."""
    async with talking.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        first = await ask(scope, session_id)
        for turn in range(20):
            cursor = await head(scope, session_id)
            sending = asyncio.gather(*(ask(scope, session_id, f"{turn}-{number}") for number in range(3)))
            if turn % 2:
                await sending
            async with watching(scope, session_id, cursor, live=False) as client:
                runs = [each.run.id for each in await sending]
                await client.over(*runs)
                assert {each.message.id for each in await sending} <= set(client.shown)
        assert first.run.id not in client.runs


async def test_a_client_that_loses_its_connection_all_the_time_agrees_in_the_end(talking: Server) -> None:
    async with talking.process() as here, talking.process(produces=False) as there:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        client = Client(cursor=await head(scope, session_id))
        runs = [(await ask(scope, session_id, f"Number {number}")).run.id for number in range(10)]

        def done(client: Client) -> bool:
            return all(client.runs.get(run) is RunStatus.COMPLETED for run in runs)

        def enough(count: int, client: Client) -> bool:
            return len(client.told) > count or done(client)

        turn = 0
        while not done(client):
            turn += 1
            somewhere = at(scope, here if turn % 2 else there)
            async with watching(somewhere, session_id, client.cursor, client=client, live=False):
                await client.until(partial(enough, len(client.told) + turn % 5))
        assert turn > 3
        async with watching(scope, session_id, client.cursor, client=client):
            await agree(scope, session_id, client)
