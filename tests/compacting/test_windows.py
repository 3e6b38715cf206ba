"""What is learned of how much models read, and from counts and refusals that are not what they should be."""

from collections.abc import AsyncGenerator

import pytest

from chat.conversation import sessions
from chat.conversation.sessions import NewSession
from chat.library import agents
from chat.library.agents import Character
from chat.runs import runs
from chat.windows import Windows
from db.database import Database
from db.models import RunStatus
from llm import windows
from llm.events import Event, Finished, FinishReason, ReasoningDelta, TextDelta, Usage
from llm.models import Models
from llm.scripted import ScriptedModel
from llm.turns import Request
from tests.compacting.bounded import Bounded, ask, begin, compacted, line
from tests.conftest import Server, viewer_of
from tests.repeating.asking import ask as query
from tests.sync.talk import execute

COUNTED = """
    query ($id: ID!, $run: ID!) {
        session(id: $id) { context { tokens } }
        node(id: $run) { ... on Run { usage { inputTokens outputTokens } } }
    }
"""


async def test_what_is_learned_of_a_model_is_not_taken_for_another_one(db: Database) -> None:
    async with Models.open(url="http://127.0.0.1:9", model="small") as small:
        await Windows(db, small).learn(None, 1_000)
        assert await Windows(db, small).of(None) == 1_000
    async with Models.open(url="http://127.0.0.1:9", model="large") as large:
        assert await Windows(db, large).of(None) == windows.UNKNOWN
        await Windows(db, large).learn(None, 2**40)
        assert await Windows(db, large).of(None) == windows.UNKNOWN


async def test_a_reply_waits_for_the_database_to_store_what_it_has_learned(server: Server) -> None:
    bounded = Bounded(500)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        for statement in (
            "CREATE SEQUENCE failures",
            """
            CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('failures') = 1 THEN RAISE 'too busy' USING ERRCODE = '53000'; END IF;
                RETURN NEW;
            END $$
            """,
            "CREATE TRIGGER fail_once BEFORE INSERT ON learned_windows FOR EACH ROW EXECUTE FUNCTION fail_once()",
        ):
            await execute(scope, statement)
        try:
            session_id = await begin(scope)
            for number in range(8):
                await ask(scope, session_id, line(number))
        finally:
            await execute(scope, "DROP FUNCTION fail_once CASCADE")
            await execute(scope, "DROP SEQUENCE failures")
    assert bounded.refused == 1


@pytest.mark.parametrize("count", [0, -3, 2**31, 2**70])
async def test_a_conversation_goes_on_whatever_is_said_to_be_counted(server: Server, count: int) -> None:
    async def answer(_: Request) -> AsyncGenerator[Event]:
        yield TextDelta("Yes")
        yield Finished(Usage(count, count), FinishReason.STOP)

    models = Models({"scripted": ScriptedModel(answer)})
    async with Server(server.db, server.redis, models).process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 512)
        for number in range(6):
            exchange = await ask(scope, session_id, line(number))
        seen = await query(scope, COUNTED, id=str(session_id), run=str(exchange.run.id))
    assert 100 < seen["session"]["context"]["tokens"] < 448
    assert set(seen["node"]["usage"].values()) == {0 if count == 0 else None}


async def test_where_a_reply_may_be_longer_than_the_window_nothing_is_put_in_short(server: Server) -> None:
    bounded = Bounded(100_000)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        agent = await agents.create(scope, Character(name="Wordy", parameters={"max_tokens": 8_000}))
        session, _ = await sessions.create(scope, NewSession(title="Short", agent_id=agent.id))
        for number in range(6):
            await ask(scope, session.id, line(number))
        bounded.window = 50
        exchange = await ask(scope, session.id, "Too much?", ends=RunStatus.FAILED)
        (run,) = await runs.of_ids(scope, [exchange.run.id])
        assert await compacted(scope, session.id) == []
    assert run is not None
    assert run.error == {
        "code": "TOO_LONG",
        "reason": "This model reads and writes 50 tokens at once, and its agent allows 8,000 for a reply alone. Give "
        "the agent a smaller 'max_tokens'.",
    }


async def test_a_model_that_thinks_for_long_has_more_tokens_for_the_next_try(server: Server) -> None:
    asked: list[int] = []

    async def answer(request: Request) -> AsyncGenerator[Event]:
        limit = request.parameters.get("max_tokens")
        if isinstance(limit, int):
            asked.append(limit)
            yield ReasoningDelta("Well, ")
            if limit < 3_000:
                yield Finished(Usage(10, limit), FinishReason.LENGTH)
                return
        yield TextDelta("Yes" if limit is None else "They agreed")
        yield Finished(Usage(), FinishReason.STOP)

    models = Models({"scripted": ScriptedModel(answer)})
    async with Server(server.db, server.redis, models).process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 20_000)
        for number in range(10):
            await ask(scope, session_id, line(number, 6_000))
        (message,) = await compacted(scope, session_id)
    assert (message.compaction or {})["text"] == "They agreed"
    assert asked[0] == 1_000
    assert 3_000 < asked[1] <= 4_000
    assert len(asked) == 2
