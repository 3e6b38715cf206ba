"""Runs wait for their turn in their session, and for nobody else."""

import asyncio
from collections import Counter

from chat.runs import runs
from chat.runs.worker import Worker
from chat.runtime import Life
from chat.scope import Scope
from db.models import MessageStatus, RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from tests.conftest import Server, viewer_of
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin, has_status


async def test_the_runs_of_a_session_are_executed_one_after_the_other(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = [await ask(scope, session_id, text) for text in ("One?", "Two?", "Three?")]
        for number, each in enumerate(sent):
            await model.until_asked(number + 1)
            await client.run_is(each.run.id, RunStatus.RUNNING)
            await client.until(lambda client: len(client.runs) == 3)
            waiting = [client.runs[later.run.id] for later in sent[number + 1 :]]
            assert waiting == [RunStatus.QUEUED] * (2 - number)
            assert len(model.requests) == number + 1
            await model.say(f"Answer {number}.", end=True)
            await client.over(each.run.id)
        assert [client.shown[each.reply.id].text for each in sent] == ["Answer 0.", "Answer 1.", "Answer 2."]
        assert [str(request.turns[-1].parts[0]) for request in model.requests] == [
            "Text(text='One?')",
            "Text(text='Two?')",
            "Text(text='Three?')",
        ]
        await agree(scope, session_id, client)


async def test_sessions_do_not_wait_for_each_other(scope: Scope, model: ScriptedModel) -> None:
    first, second = model.script(), model.script()
    sent = [await ask(scope, await begin(scope)) for _ in range(2)]
    await model.until_asked(2)
    await second.say("Second", end=True)
    await has_status(scope, sent[1].run.id, RunStatus.COMPLETED)
    await has_status(scope, sent[0].run.id, RunStatus.RUNNING)
    await first.say("First", end=True)
    await has_status(scope, sent[0].run.id, RunStatus.COMPLETED)


async def test_no_run_is_produced_twice_by_two_processes(server: Server) -> None:
    model = ScriptedModel.streaming("It was me.")
    server.models = Models({"scripted": model})
    async with server.process() as here, server.process() as there:
        scope = await viewer_of(here)
        sessions = [await begin(scope) for _ in range(50)]
        sent = await asyncio.gather(
            *(ask(at(scope, (here, there)[number % 2]), session_id) for number, session_id in enumerate(sessions))
        )
        for each in sent:
            await has_status(scope, each.run.id, RunStatus.COMPLETED)
        ended = await runs.of_ids(scope, [each.run.id for each in sent])
        assert [run.epoch for run in ended if run is not None] == [1] * 50
        producers = Counter(run.producer for run in ended if run is not None)
        assert set(producers) == {here.process.id, there.process.id}
        assert len(model.requests) == 50


async def test_a_race_for_claims_has_one_winner_for_each_run(server: Server) -> None:
    async with (
        server.process(produces=False, timing=PATIENT) as here,
        server.process(produces=False, timing=PATIENT) as there,
    ):
        scope = await viewer_of(here)
        sent = [await ask(scope, await begin(scope)) for _ in range(50)]
        claimed: list[object] = []

        async def claim_all(started: Life) -> None:
            while True:
                if (run := await runs.claim(started.process)) is not None:
                    claimed.append(run.id)
                elif not await runs.waiting(started.process):
                    return

        await asyncio.gather(*(claim_all(started) for started in [here, there] * 4))
        assert len(claimed) == 50
        assert set(claimed) == {each.run.id for each in sent}


async def test_a_session_has_one_run_at_a_time_whoever_claims(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as here:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        sent = [await ask(scope, session_id) for _ in range(3)]
        claims = await asyncio.gather(*(runs.claim(here.process) for _ in range(10)))
        assert [run.id for run in claims if run is not None] == [sent[0].run.id]


async def test_a_process_that_comes_later_takes_what_has_been_waiting(server: Server) -> None:
    server.models = Models({"scripted": ScriptedModel.streaming("At last.")})
    async with server.process(produces=False) as here:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await client.until(lambda client: client.runs.get(sent.run.id) is RunStatus.QUEUED)
            assert client.shown[sent.reply.id].status is MessageStatus.PENDING
            async with server.process():
                await client.over(sent.run.id)
            assert client.shown[sent.reply.id].text == "At last."
            await agree(scope, session_id, client)


async def test_a_process_takes_no_more_than_its_capacity(server: Server, model: ScriptedModel) -> None:
    async with server.process(produces=False, timing=PATIENT) as here:
        scope = await viewer_of(here)
        object.__setattr__(here.process, "capacity", 2)
        sent = [await ask(scope, await begin(scope)) for _ in range(3)]
        worker = Worker(here.process)
        scripts = [model.script() for _ in range(3)]
        working = asyncio.create_task(worker.run())
        await model.until_asked(2)
        await has_status(scope, sent[2].run.id, RunStatus.QUEUED)
        await scripts[0].say("Done.", end=True)
        await model.until_asked(3)
        assert (await runs.of_ids(scope, [sent[0].run.id]))[0] is not None
        await scripts[1].say("Done.", end=True)
        await scripts[2].say("Done.", end=True)
        for each in sent:
            await has_status(scope, each.run.id, RunStatus.COMPLETED)
        working.cancel()
        await asyncio.wait({working})
