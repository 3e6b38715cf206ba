"""Another reply in place of one, and a reply that is taken up where it stopped."""

import asyncio

import pytest

from chat.conversation import messages
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotFound
from chat.runs import retries, runs
from chat.scope import Scope
from db.models import MessageStatus, Run, RunStatus
from db.page import Span
from llm.scripted import ScriptedModel
from llm.turns import Text, Turn


async def ended(scope: Scope, run: Run) -> Run:
    async with asyncio.timeout(20):
        while True:
            (now,) = await runs.of_ids(scope, [run.id])
            assert now is not None
            if now.finished_at is not None:
                return now
            await asyncio.sleep(0.02)


async def stopped(scope: Scope, model: ScriptedModel, said: str) -> Exchange:
    exchange = await messages.send(scope, NewSession(title="Panes"), "Tell me")
    await model.say(said)
    await runs.cancel(scope, exchange.run.id)
    assert (await ended(scope, exchange.run)).status is RunStatus.CANCELLED
    return exchange


async def path(scope: Scope, exchange: Exchange) -> list[tuple[str, MessageStatus]]:
    page, _ = await messages.page(scope, exchange.seen[0].id, Span(10))
    return [(row.content, row.status) for row in page.rows]


async def test_a_stopped_reply_goes_on_in_the_same_message(scope: Scope, model: ScriptedModel) -> None:
    exchange = await stopped(scope, model, "Once upon")
    _, again = await retries.resume(scope, exchange.run.id)
    assert again.message.id == exchange.reply.id
    await model.say(" a time", end=True)
    await ended(scope, again.run)
    assert await path(scope, exchange) == [
        ("Tell me", MessageStatus.COMPLETE),
        ("Once upon a time", MessageStatus.COMPLETE),
    ]
    assert model.requests[-1].turns[:2] == (
        Turn("user", (Text("Tell me"),)),
        Turn("assistant", (Text("Once upon"),)),
    )


async def test_another_reply_stands_beside_the_first_and_is_the_one_that_is_shown(
    scope: Scope, model: ScriptedModel
) -> None:
    exchange = await stopped(scope, model, "Badly")
    _, again = await retries.retry(scope, exchange.run.id)
    assert again.message.id != exchange.reply.id
    assert again.message.parent_id == exchange.message.id
    await model.say("Well", end=True)
    await ended(scope, again.run)
    assert await path(scope, exchange) == [("Tell me", MessageStatus.COMPLETE), ("Well", MessageStatus.COMPLETE)]
    (first,) = await messages.of_ids(scope, [exchange.reply.id])
    assert first is not None
    assert first.content == "Badly"


async def test_only_what_is_over_is_tried_again_and_only_what_stopped_goes_on(
    scope: Scope, model: ScriptedModel
) -> None:
    exchange = await messages.send(scope, NewSession(title="Panes"), "Tell me")
    for attempt in (retries.retry, retries.resume):
        with pytest.raises(InvalidInput, match="not over"):
            await attempt(scope, exchange.run.id)
    await model.say("All of it", end=True)
    await ended(scope, exchange.run)
    with pytest.raises(InvalidInput, match="came to its end"):
        await retries.resume(scope, exchange.run.id)


async def test_a_reply_is_taken_up_once(scope: Scope, model: ScriptedModel) -> None:
    exchange = await stopped(scope, model, "Once")
    results = await asyncio.gather(
        retries.resume(scope, exchange.run.id), retries.resume(scope, exchange.run.id), return_exceptions=True
    )
    assert sum(isinstance(result, InvalidInput) for result in results) == 1


async def test_a_stranger_tries_nothing_again(scope: Scope, stranger: Scope, model: ScriptedModel) -> None:
    exchange = await stopped(scope, model, "Mine")
    for attempt in (retries.retry, retries.resume):
        with pytest.raises(NotFound):
            await attempt(stranger, exchange.run.id)
