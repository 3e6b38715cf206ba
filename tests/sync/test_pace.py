"""A window that asks for a pace gets the same text in fewer, larger pieces."""

import asyncio
from itertools import pairwise

import pytest

import engines
from chat.refusals import InvalidInput
from chat.scope import Scope
from chat.subscriptions import streams
from db.database import Database
from db.models import RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from sync.events import PartChanged, TextDelta
from sync.session_feed import SessionFeed
from tests.conftest import Server, viewer_of
from tests.sync.client import Client, agree, watching
from tests.sync.talk import ask, begin

TOKENS = [f"{number} \U0001fa9f " for number in range(300)]


def pieces(client: Client) -> list[TextDelta]:
    """The pieces of text that a client was told."""
    return [event for event in client.told if isinstance(event, TextDelta)]


async def test_windows_of_every_pace_show_the_same_text(db: Database, urls: engines.Urls) -> None:
    server = Server(db, urls.redis, Models({"scripted": ScriptedModel.streaming(TOKENS, 0.003)}))
    async with server.process() as started, server.process(produces=False) as other:
        scope = await viewer_of(started)
        far = Scope(scope.viewer, other.process)
        session_id = await begin(scope)
        async with (
            watching(scope, session_id) as each,
            watching(scope, session_id, every=100) as slow,
            watching(far, session_id, every=100) as distant,
            watching(scope, session_id, every=500) as slowest,
        ):
            sent = await ask(scope, session_id)
            await slow.until(lambda client: len(pieces(client)) >= 2)
            async with watching(scope, session_id, every=100) as late:
                clients = (each, slow, distant, slowest, late)
                for client in clients:
                    await client.over(sent.run.id)
                    assert client.shown[sent.reply.id].text == "".join(TOKENS)
                await agree(scope, session_id, *clients)
        assert len(pieces(slowest)) < len(pieces(slow)) < len(pieces(each)) / 3


async def test_the_first_token_does_not_wait_and_the_end_does_not_either(
    scope: Scope, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LONGEST_PACE", 60_000)
    session_id = await begin(scope)
    async with watching(scope, session_id, every=60_000) as client:
        sent = await ask(scope, session_id)
        await model.say("One ")
        await client.reads(sent.reply.id, "One ")
        await model.say("two ")
        await model.say("three", end=True)
        await client.over(sent.run.id)
        assert [piece.text for piece in pieces(client)][-1].endswith("three")
        assert client.shown[sent.reply.id].text == "One two three"


async def test_other_parts_keep_their_places_between_texts(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id, every=500) as client, watching(scope, session_id) as each:
        sent = await ask(scope, session_id)
        await model.say("Let ")
        await client.reads(sent.reply.id, "Let ")
        await model.say("me ")
        await model.say("see.")
        await model.call("c1", "weather", '{"in": "Ulm"}')
        await model.say("Rain, ")
        await model.say("I fear.", end=True)
        await client.over(sent.run.id)
        await each.over(sent.run.id)
        told = [
            event.text if isinstance(event, TextDelta) else event.part["kind"]
            for event in client.told
            if isinstance(event, TextDelta | PartChanged)
        ]
        assert "".join(part for part in told if part not in {"text", "tool_call"}).startswith("me see.")
        await agree(scope, session_id, client, each)


async def test_a_window_that_knows_a_part_of_what_waits_is_told_the_rest(db: Database, urls: engines.Urls) -> None:
    """Windows come at every moment of an interval."""
    server = Server(db, urls.redis, Models({"scripted": ScriptedModel.streaming(TOKENS, 0.003)}))
    async with server.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id, every=200) as first:
            sent = await ask(scope, session_id)
            await first.until(pieces)
            cursor = None
            client = Client()
            while RunStatus.COMPLETED not in first.runs.values():
                async with watching(scope, session_id, cursor, client=client, every=200):
                    cursor = client.cursor
            async with watching(scope, session_id, cursor, client=client):
                await client.over(sent.run.id)
            assert client.shown[sent.reply.id].text == "".join(TOKENS)
            assert client.caught_up > 3
            await agree(scope, session_id, first, client)


@pytest.mark.parametrize("every", [-1, 501])
async def test_a_pace_out_of_range_is_refused(scope: Scope, every: int) -> None:
    session_id = await begin(scope)
    with pytest.raises(InvalidInput, match="from 0 to 500"):
        async with streams.session(scope, session_id, None, every=every):
            pass


async def test_pieces_follow_each_other_exactly(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id, every=50) as client:
        sent = await ask(scope, session_id)
        for number in range(50):
            await model.say(f"{number} ")
            await asyncio.sleep(0.005)
        await model.say("end", end=True)
        await client.over(sent.run.id)
        for earlier, later in pairwise(pieces(client)):
            assert later.offset == earlier.offset + len(earlier.text)
        assert len(pieces(client)) < 40


async def test_a_pace_goes_with_its_last_window(scope: Scope) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id):
        (feed,) = [feed for feed in scope.process.feeds._readers if isinstance(feed, SessionFeed)]
        for every in (20, 20, 40):
            async with watching(scope, session_id, every=every), watching(scope, session_id, every=every):
                assert set(feed._paces) == {0.0, every / 1000}
        assert set(feed._paces) == {0.0}
