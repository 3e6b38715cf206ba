"""Rates: how often an account may do something in a minute, by all processes together, and with each agent."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chat.conversation import messages, sessions
from chat.conversation.sessions import NewSession
from chat.library import agents
from chat.library.agents import Character
from chat.quotas import quotas
from chat.quotas.quotas import Standing
from chat.refusals import InvalidInput, NotFound, QuotaExceeded
from chat.runs import producers, retries, runs
from chat.scope import Scope
from pubsub.rates import Rate, Rates
from tests.conftest import viewer_of
from tests.limits.conftest import PATIENCE, Limiting
from tests.pubsub.valkey import Valkey
from tests.pubsub.valkey_cluster import ValkeyCluster
from tests.sync.talk import at, begin, until

MINUTE = timedelta(minutes=1)


async def refused(scope: Scope, session: NewSession) -> QuotaExceeded:
    """Why a message is refused."""
    with pytest.raises(QuotaExceeded) as full:
        await messages.post(scope, session, "Hi")
    return full.value


async def test_a_message_too_many_is_refused_until_the_first_is_a_minute_old(limiting: Limiting) -> None:
    """2-52, 3-36."""
    scope = await limiting(messages_per_minute=2)
    session = NewSession(id=uuid4())
    began = datetime.now(UTC)
    await messages.post(scope, session, "Hi")
    until = datetime.now(UTC) + MINUTE
    await messages.post(scope, session, "Hi")
    full = await refused(scope, session)
    assert (full.limit, full.used) == (2, 2)
    assert full.reset_at is not None
    assert began + MINUTE <= full.reset_at <= until
    assert full.reason == f"You send messages more often than you may. Try again at {full.reset_at:%H:%M:%S} UTC."
    assert await quotas.standing(scope) == {"messages_per_minute": Standing(2, 2, full.reset_at)}
    assert (await messages.count(scope, session.id or uuid4())) == 2


async def test_two_processes_share_a_rate(limiting: Limiting) -> None:
    """1-57."""
    scope = await limiting(sessions_per_minute=3)
    elsewhere = at(scope, await limiting.process(sessions_per_minute=3))
    calls = [sessions.create(each, NewSession()) for each in (scope, elsewhere) * 3]
    made = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(each).__name__ for each in made) == ["QuotaExceeded"] * 3 + ["tuple"] * 3


async def test_every_reply_that_is_asked_for_counts(limiting: Limiting) -> None:
    """2-52."""
    scope = await limiting(runs_per_minute=3)
    first = await messages.send(scope, NewSession(), "Hi")
    await runs.cancel(scope, first.run.id)
    _, again = await retries.retry(scope, first.run.id)
    await runs.cancel(scope, again.run.id)
    await retries.resume(scope, again.run.id)
    for ask in (retries.answer(scope, first.message.id), producers.start(scope, first.message.id)):
        with pytest.raises(QuotaExceeded, match="You ask for replies more often than you may"):
            await ask
    await messages.post(scope, first.seen[0].id, "This asks nobody.")


async def test_what_is_refused_by_one_rate_does_not_count_in_the_other(limiting: Limiting) -> None:
    scope = await limiting(messages_per_minute=5, runs_per_minute=1)
    first = await messages.send(scope, NewSession(), "Hi")
    with pytest.raises(QuotaExceeded):
        await messages.send(scope, first.seen[0].id, "Hi")
    held = await quotas.standing(scope)
    assert {name: each.used for name, each in held.items()} == {"messages_per_minute": 1, "runs_per_minute": 1}


async def test_an_agent_is_asked_as_often_as_it_allows_each_member(limiting: Limiting) -> None:
    """3-8, 3-36."""
    scope = await limiting()
    tutor = await agents.create(scope, Character(name="Tutor", limits={"messages_per_minute": 1, "runs_per_minute": 2}))
    assert tutor.limits == {"messages_per_minute": 1, "runs_per_minute": 2}
    session = NewSession(id=uuid4(), agent_id=tutor.id)
    sent = await messages.send(scope, session, "Hi")
    full = await refused(scope, session)
    assert full.reason.startswith("You send messages to Tutor more often than you may.")
    with pytest.raises(QuotaExceeded, match="to Tutor"):
        await messages.post(scope, sent.seen[0].id, "Hi")
    await retries.answer(scope, sent.message.id)
    with pytest.raises(QuotaExceeded, match="You ask for replies by Tutor more often"):
        await retries.answer(scope, sent.message.id)
    with pytest.raises(QuotaExceeded, match="You ask for replies by Tutor more often"):
        await producers.start(
            scope, (await messages.post(scope, await begin(scope), "Hi")).message.id, agent_id=tutor.id
        )
    coach = await agents.create(scope, Character(name="Coach", limits={"messages_per_minute": 1}))
    await messages.send(scope, NewSession(agent_id=coach.id), "Another agent is asked.")
    assert (await agents.edit(scope, tutor.id, Character(limits={}))).limits is None
    await messages.post(scope, sent.seen[0].id, "Hi")
    with pytest.raises(InvalidInput, match="Each rate is from 1 to 10,000"):
        await agents.edit(scope, tutor.id, Character(limits={"runs_per_minute": 0}))
    stranger = await viewer_of(await limiting.process())
    with pytest.raises(NotFound):
        await agents.edit(stranger, tutor.id, Character(limits={}))


async def test_without_redis_nothing_is_refused_and_nothing_waits(
    limiting: Limiting, caplog: pytest.LogCaptureFixture
) -> None:
    """1-57."""
    async with Valkey() as valkey:
        scope = await limiting(valkey.url, sessions=9, messages_per_minute=1)
        session = NewSession(id=uuid4())
        await messages.post(scope, session, "Hi")
        await refused(scope, session)
        await valkey.kill()
        caplog.clear()
        began = time.monotonic()
        for _ in range(3):
            await messages.post(scope, session, "Hi")
        assert time.monotonic() - began < PATIENCE / 2
        told = [
            each.message for each in caplog.records if (each.name, each.levelno) == ("transom.rates", logging.WARNING)
        ]
        assert [each.partition(":")[0] for each in told] == ["Rates are not enforced until Redis answers"]
        held = await quotas.standing(scope)
        assert held == {"sessions": Standing(9, 1), "messages_per_minute": Standing(1, None)}
        await valkey.start()

        async def is_full() -> bool:
            try:
                await messages.post(scope, session, "Hi")
            except QuotaExceeded:
                return True
            return False

        await until(is_full)


async def test_where_nothing_is_limited_nobody_is_asked(limiting: Limiting) -> None:
    async with Valkey() as valkey:
        scope = await limiting(valkey.url)
        await messages.send(scope, NewSession(), "Hi")
        before = await valkey.connections()
        await messages.send(scope, NewSession(), "Hi")
        assert (before, await quotas.standing(scope)) == (1, {})


async def test_a_cluster_counts_too() -> None:
    async with (
        ValkeyCluster() as cluster,
        Rates(cluster.url, patience=PATIENCE) as one,
        Rates(cluster.url, patience=PATIENCE) as other,
    ):
        rate = Rate("messages", 2, (str(uuid4()),))
        both = [rate, Rate("runs", 5, rate.of)]
        taken = [await each.take(both) for each in (one, other, one)]
        assert [use and (use.rate, use.used) for use in taken] == [None, None, (rate, 2)]
        uses = await other.uses(both)
        assert uses is not None
        assert [use.used for use in uses] == [2, 2]
