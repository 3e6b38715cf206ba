"""A window that does not read costs bounded memory, delays nobody, and goes on exactly when it reads again."""

import asyncio
from collections.abc import Callable

import engines
from chat.scope import Scope
from chat.subscriptions import streams
from db.database import Database
from db.models import RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from sync.events import ResetReason, SessionEvent
from sync.subscriber import BACKLOG, FAR, Window
from tests.conftest import Server, viewer_of
from tests.sync.client import PATIENCE, Client, agree, watching
from tests.sync.talk import ask, begin, execute

TOKENS = [f"{number} " for number in range(10_000)]


async def read_until(window: Window[SessionEvent], client: Client, holds: Callable[[Client], object]) -> None:
    """Has the client take events until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds(client):
            client.take(await anext(window))


def done(client: Client) -> bool:
    """Whether the client has heard of the end of a run."""
    return RunStatus.COMPLETED in client.runs.values()


async def test_a_window_that_stops_reading_goes_on_exactly(db: Database, urls: engines.Urls) -> None:
    server = Server(db, urls.redis, Models({"scripted": ScriptedModel.streaming(TOKENS)}))
    async with server.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with streams.session(scope, session_id, None) as told, watching(scope, session_id) as quick:
            window, slow = told, Client()
            await read_until(window, slow, lambda slow: slow.caught_up)
            sent = await ask(scope, session_id)
            kept = 0
            while quick.runs.get(sent.run.id) is not RunStatus.COMPLETED:
                kept = max(kept, len(window._ready) + len(window._held))
                await quick.hears(1)
            assert kept <= BACKLOG + 1
            assert quick.shown[sent.reply.id].text == "".join(TOKENS)
            await read_until(window, slow, lambda slow: slow.caught_up == 2)
            assert done(slow)
            assert slow.shown[sent.reply.id].text == "".join(TOKENS)
            assert len(slow.told) < 20
            await agree(scope, session_id, slow, quick)


async def test_a_window_that_stops_in_the_middle_of_a_reply_goes_on_exactly(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with streams.session(scope, session_id, None) as told, watching(scope, session_id) as quick:
        window, slow = told, Client()
        sent = await ask(scope, session_id)
        await model.say("0 ")
        await read_until(window, slow, lambda slow: slow.caught_up and slow.text == "0 ")
        for number in range(1, BACKLOG + 10):
            await model.say(f"{number} ")
        said = "".join(f"{number} " for number in range(BACKLOG + 10))
        await quick.reads(sent.reply.id, said)
        await read_until(window, slow, lambda slow: slow.caught_up == 2)
        assert slow.text == said
        await model.say("end", end=True)
        await read_until(window, slow, done)
        await quick.over(sent.run.id)
        await agree(scope, session_id, slow, quick)


async def test_a_window_that_never_began_to_read_begins_with_how_things_are(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with streams.session(scope, session_id, None) as told, watching(scope, session_id) as quick:
        window = told
        sent = await ask(scope, session_id)
        for _ in range(BACKLOG + 500):
            await model.say("x")
        await quick.reads(sent.reply.id, "x" * (BACKLOG + 500))
        assert len(window._held) + len(window._ready) <= BACKLOG
        late = Client()
        await read_until(window, late, lambda late: late.caught_up)
        await agree(scope, session_id, late)
        await model.say("y", end=True)
        await read_until(window, late, done)
        await agree(scope, session_id, late)


async def test_a_window_that_has_fallen_too_far_behind_is_told_to_fetch_again(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    async with streams.session(scope, session_id, None) as told, watching(scope, session_id) as quick:
        window, slow = told, Client()
        await read_until(window, slow, lambda slow: slow.caught_up)
        sent = await ask(scope, session_id)
        for _ in range(BACKLOG + 10):
            await model.say("x")
        await quick.reads(sent.reply.id, "x" * (BACKLOG + 10))
        await execute(scope, "UPDATE sessions SET head = head + :far WHERE id = :id", id=session_id, far=FAR)
        await read_until(window, slow, lambda slow: slow.reset)
        assert slow.reset is ResetReason.SLOW_CONSUMER
        assert quick.reset is None
