"""A run belongs to who holds its lease; without a holder it ends, and everybody hears of it."""

import asyncio
from dataclasses import replace

from chat.conversation import messages
from chat.runs import runs
from db.models import MessageStatus, RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from sync.events import RunChanged
from tests.conftest import QUICK, Server, viewer_of
from tests.runs.work import Writer, pen_of, taken
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin, execute, has_status, until

BRIEF = replace(QUICK, lease=2.0)
"""Leases that end while a test waits."""


async def test_a_run_whose_producer_is_lost_is_interrupted_and_keeps_its_text(server: Server) -> None:
    """The first process has claimed the run and never shows a sign of life again."""
    async with (
        server.process(produces=False, timing=PATIENT) as lost,
        server.process(produces=False) as other,
    ):
        scope = await viewer_of(lost)
        sent, run = await taken(scope)
        session_id = run.session_id
        async with watching(scope, session_id) as near, watching(at(scope, other), session_id) as far:
            writer = Writer(pen_of(lost.process, run))
            await writer.write("Kept")
            await writer.pen.write(("p", 1, {"kind": "toolCall", "id": "c1", "name": "search", "text": "{}"}))
            await writer.pen.flush()
            await execute(scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=run.id)
            await asyncio.gather(near.over(run.id), far.over(run.id))
            assert near.runs == far.runs == {run.id: RunStatus.INTERRUPTED}
            shown = far.shown[sent.reply.id]
            assert (shown.status, shown.text) == (MessageStatus.INTERRUPTED, "Kept")
            assert shown.parts[2]["text"] == "Interrupted before there was a result."
            await agree(scope, session_id, near, far)


async def test_the_next_run_of_the_session_begins_after_an_interrupted_one(server: Server) -> None:
    server.models = Models({"scripted": ScriptedModel.streaming("Next.")})
    async with server.process(produces=False, timing=PATIENT) as lost:
        scope = await viewer_of(lost)
        _, run = await taken(scope)
        waiting = await ask(scope, run.session_id)
        async with server.process():
            await execute(scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=run.id)
            await has_status(scope, run.id, RunStatus.INTERRUPTED)
            await has_status(scope, waiting.run.id, RunStatus.COMPLETED)


async def test_a_lease_is_renewed_while_the_reply_lasts(server: Server, model: ScriptedModel) -> None:
    async with server.process(timing=BRIEF) as started:
        scope = await viewer_of(started)
        sent = await ask(scope, await begin(scope))
        await model.say("Slow")
        seen = set()

        async def renewed() -> bool:
            (run,) = await runs.of_ids(scope, [sent.run.id])
            assert run is not None
            assert run.status is RunStatus.RUNNING
            seen.add(run.lease_until)
            return len(seen) == 5

        await until(renewed)
        await model.say(" but sure.", end=True)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)


async def test_a_run_that_nobody_produces_is_not_kept_alive_by_its_process(
    server: Server, model: ScriptedModel
) -> None:
    """Its process works on another run, and renews the lease of that one only."""
    async with server.process(timing=BRIEF) as started:
        scope = await viewer_of(started)
        busy = await ask(scope, await begin(scope))
        await model.say("Busy")
        orphan = await ask(scope, await begin(scope))
        await model.until_asked(2)
        stop = started.process.stops.pop(orphan.run.id)
        await has_status(scope, orphan.run.id, RunStatus.INTERRUPTED)
        await has_status(scope, busy.run.id, RunStatus.RUNNING)
        started.process.stops[orphan.run.id] = stop
        stop.set_result("interrupted")
        await model.say("!", end=True)


async def test_a_process_that_stops_interrupts_its_runs_at_once(server: Server, model: ScriptedModel) -> None:
    async with server.process(produces=False, timing=PATIENT) as other:
        scope = await viewer_of(other)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            async with server.process(timing=PATIENT):
                sent = await ask(scope, session_id)
                waiting = await ask(scope, session_id)
                await model.say("As far as")
                await client.reads(sent.reply.id, "As far as")
            await client.over(sent.run.id)
            assert client.runs == {sent.run.id: RunStatus.INTERRUPTED, waiting.run.id: RunStatus.QUEUED}
            assert client.shown[sent.reply.id].text == "As far as"
            assert model.stopped == 1
            async with server.process(timing=PATIENT):
                await model.say("Later.", end=True)
                await client.over(waiting.run.id)
            await agree(scope, session_id, client)


async def test_a_process_that_stops_while_it_claims_leaves_no_run_behind(server: Server) -> None:
    server.models = Models({"scripted": ScriptedModel.streaming(["word "] * 1000, interval=0.01)})
    async with server.process(produces=False, timing=PATIENT) as other:
        scope = await viewer_of(other)
        for turn in range(12):
            session_id = await begin(scope)
            async with server.process(timing=PATIENT) as started:
                sent = await ask(at(scope, started), session_id)
                for _ in range(turn * 6):
                    await asyncio.sleep(0)
            (run,) = await runs.of_ids(scope, [sent.run.id])
            assert run is not None
            assert run.status in (RunStatus.QUEUED, RunStatus.INTERRUPTED)
            await runs.cancel(scope, run.id)


async def test_draining_twice_and_with_nothing_to_do_is_fine(server: Server) -> None:
    async with server.process() as started:
        await started.drain()
        await started.drain()
        scope = await viewer_of(started)
        sent = await ask(scope, await begin(scope))
        await has_status(scope, sent.run.id, RunStatus.QUEUED)


async def test_every_run_ends_once_though_all_processes_sweep(server: Server) -> None:
    async with (
        server.process(produces=False, timing=PATIENT) as lost,
        server.process(produces=False),
        server.process(produces=False),
        server.process(produces=False),
    ):
        scope = await viewer_of(lost)
        work = [await taken(scope) for _ in range(10)]
        async with watching(scope, work[0][1].session_id) as client:
            await execute(scope, "UPDATE runs SET lease_until = now()")
            for _, run in work:
                await has_status(scope, run.id, RunStatus.INTERRUPTED)
            await client.over(work[0][1].id)
            changes = [event for event in client.told if isinstance(event, RunChanged)]
            assert len(changes) == 1
        ended = await messages.of_ids(scope, [sent.reply.id for sent, _ in work])
        assert [message.status for message in ended if message is not None] == [MessageStatus.INTERRUPTED] * 10


async def test_a_run_that_cannot_be_ended_does_not_keep_the_others_from_it(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as lost:
        scope = await viewer_of(lost)
        _, broken = await taken(scope)
        _, fine = await taken(scope)
        await execute(
            scope,
            "INSERT INTO deltas (run_id, epoch, seq, count, events) VALUES (:run, 1, 1, 1, :events)",
            run=broken.id,
            events='[["a", 7, 0, "of a part that is not there"]]',
        )
        async with server.process(produces=False):
            await execute(scope, "UPDATE runs SET lease_until = now() - interval '1 s' WHERE id = :id", id=broken.id)
            await execute(scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=fine.id)
            await has_status(scope, fine.id, RunStatus.INTERRUPTED)
            await has_status(scope, broken.id, RunStatus.RUNNING)
