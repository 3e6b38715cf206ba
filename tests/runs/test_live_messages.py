"""A message is told whole, at a bounded rate, until it has its last state."""

import asyncio
from contextlib import aclosing
from itertools import pairwise
from uuid import uuid4

import pytest

from chat.conversation import annotations, messages
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotFound
from chat.runs import runs
from chat.scope import Scope
from chat.subscriptions import message_stream
from db.models import MessageStatus, RunStatus
from llm.scripted import ScriptedModel
from tests.sync.talk import has_status, journaled


async def test_a_message_is_told_as_it_grows_and_ends_with_its_last_state(scope: Scope, model: ScriptedModel) -> None:
    exchange = await messages.send(scope, NewSession(title="x"), "Go")
    states: list[tuple[str, MessageStatus]] = []

    async def watch() -> None:
        async with aclosing(message_stream.message(scope, exchange.reply.id, every=20)) as told:
            async for row in told:
                states.append((row.content, row.status))

    watching = asyncio.create_task(watch())
    await model.say("Hel")
    async with asyncio.timeout(20):
        while not states or states[-1] != ("Hel", MessageStatus.STREAMING):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for letter in "lo, there":
        await model.say(letter)
    await model.say("!", end=True)
    async with asyncio.timeout(20):
        await watching
    assert states[-1] == ("Hello, there!", MessageStatus.COMPLETE)
    contents = [content for content, _ in states]
    assert all(later.startswith(earlier) for earlier, later in pairwise(contents))


async def test_many_tokens_make_few_states(scope: Scope, model: ScriptedModel) -> None:
    exchange = await messages.send(scope, NewSession(title="x"), "Go")
    count = 0

    async def watch() -> None:
        nonlocal count
        async with aclosing(message_stream.message(scope, exchange.reply.id, every=10_000)) as told:
            async for _ in told:
                count += 1

    watching = asyncio.create_task(watch())
    for _ in range(100):
        await model.say("x")
    await model.say("", end=True)
    async with asyncio.timeout(20):
        await watching
    assert count == 2


async def test_a_message_that_is_over_is_told_once(scope: Scope) -> None:
    exchange = await messages.send(scope, NewSession(title="x"), "Go")
    await runs.cancel(scope, exchange.run.id)
    async with aclosing(message_stream.message(scope, exchange.message.id, every=250)) as told:
        assert [row.content async for row in told] == ["Go"]


@pytest.mark.parametrize("every", [0, 19, 10_001])
async def test_a_rate_that_cannot_be_is_refused(scope: Scope, every: int) -> None:
    exchange = await messages.send(scope, NewSession(title="x"), "Go")
    with pytest.raises(InvalidInput):
        await anext(message_stream.message(scope, exchange.message.id, every=every))


async def test_a_mutation_tells_a_message_that_is_being_written_with_what_there_is(
    scope: Scope, model: ScriptedModel
) -> None:
    """A client that stores answers by id would else show no text until the end."""
    message_id = uuid4()
    exchange = await messages.send(scope, NewSession(title="x"), "Go", message_id=message_id)
    await model.say("So far")
    await journaled(scope, 1)
    for _ in range(2):  # the second changes nothing
        reacted = await annotations.react(scope, exchange.reply.id, "\N{WINDOW}", on=True)
        assert (reacted.content, [part["text"] for part in reacted.parts]) == ("So far", ["So far"])
    repeated = await messages.send(scope, exchange.message.session_id, "Go", message_id=message_id)
    assert (repeated.reply.id, repeated.reply.content) == (exchange.reply.id, "So far")
    await model.say(", so good.", end=True)
    await has_status(scope, exchange.run.id, RunStatus.COMPLETED)
    (whole,) = await messages.of_ids(scope, [exchange.reply.id])
    assert whole is not None
    assert whole.content == "So far, so good."


async def test_a_stranger_is_told_nothing(scope: Scope, stranger: Scope) -> None:
    exchange = await messages.send(scope, NewSession(title="x"), "Go")
    with pytest.raises(NotFound):
        await anext(message_stream.message(stranger, exchange.reply.id, every=250))
