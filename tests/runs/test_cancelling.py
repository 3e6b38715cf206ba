"""Stopping a reply: from any window, at any time, as often as one likes."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest

from chat.conversation import messages, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.process import Timing
from chat.refusals import NotAllowed, NotFound
from chat.runs import runs
from chat.runs.sweeper import sweep_once
from chat.scope import Scope
from db import quotas
from db import runs as run_rows
from db.models import MessageStatus, RunStatus
from llm.events import Event, TextDelta
from llm.models import Models
from llm.scripted import ScriptedModel
from llm.turns import Request
from sync import channels
from sync.events import RunChanged
from tests.conftest import Server, viewer_of
from tests.runs.work import taken
from tests.sync.buses import Lossy, process_on
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin, execute, has_status, until

HOUR = timedelta(hours=1)


async def test_a_queued_run_is_cancelled_at_once_and_never_begins(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        first, second, third = [await ask(scope, session_id) for _ in range(3)]
        await model.say("Fir")
        cancelled = await runs.cancel(scope, second.run.id)
        assert cancelled.status is RunStatus.CANCELLED
        await client.over(second.run.id)
        assert client.shown[second.reply.id].status is MessageStatus.CANCELLED
        await model.say("st.", end=True)
        await model.say("Third.", end=True)
        await client.over(first.run.id, third.run.id)
        assert len(model.requests) == 2
        assert client.runs[second.run.id] is RunStatus.CANCELLED
        await agree(scope, session_id, client)


async def test_a_running_reply_stops_and_keeps_its_text(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("As far as")
        await client.reads(sent.reply.id, "As far as")
        asked = await runs.cancel(scope, sent.run.id)
        assert asked.cancel_requested_at is not None
        await model.until_stopped()
        await client.over(sent.run.id)
        assert client.runs[sent.run.id] is RunStatus.CANCELLED
        assert client.shown[sent.reply.id].status is MessageStatus.CANCELLED
        assert client.shown[sent.reply.id].text == "As far as"
        await agree(scope, session_id, client)


async def test_it_stops_from_another_process_without_waiting_for_any_clock(
    server: Server, model: ScriptedModel
) -> None:
    async with server.process(timing=PATIENT) as here, server.process(produces=False, timing=PATIENT) as there:
        scope = await viewer_of(here)
        session_id = await begin(scope)
        async with watching(at(scope, there), session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("As far as")
            await client.reads(sent.reply.id, "As far as")
            await runs.cancel(at(scope, there), sent.run.id)
            await client.over(sent.run.id)
            assert client.runs[sent.run.id] is RunStatus.CANCELLED
            await agree(scope, session_id, client)


async def test_cancelling_again_changes_nothing_and_never_hits_a_later_run(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("One")
        await asyncio.gather(*(runs.cancel(scope, sent.run.id) for _ in range(5)))
        await client.over(sent.run.id)
        later = await ask(scope, session_id)
        await model.until_asked(2)
        again = await runs.cancel(scope, sent.run.id)
        assert again.status is RunStatus.CANCELLED
        await model.say("Two", end=True)
        await client.over(later.run.id)
        assert client.runs[later.run.id] is RunStatus.COMPLETED
        assert client.shown[later.reply.id].text == "Two"


async def test_a_reply_that_is_over_stays_as_it_is(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("Done.", end=True)
        await client.over(sent.run.id)
        told = len(client.told)
        unchanged = await runs.cancel(scope, sent.run.id)
        assert (unchanged.status, unchanged.cancel_requested_at) == (RunStatus.COMPLETED, None)
        later = await ask(scope, session_id)
        await client.until(lambda client: later.run.id in client.runs)
        assert not [
            event for event in client.told[told:] if isinstance(event, RunChanged) and event.row.id == sent.run.id
        ]
        await model.say("Done.", end=True)
        await client.over(later.run.id)


async def test_who_may_not_see_or_not_write_cannot_cancel(scope: Scope, stranger: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    sent = await ask(scope, session_id)
    await model.say("Un")
    for run_id in (sent.run.id, uuid4()):
        with pytest.raises(NotFound):
            await runs.cancel(stranger, run_id)
    await execute(
        scope,
        "INSERT INTO memberships (session_id, user_id, role) VALUES (:session, :user, 'reader')",
        session=session_id,
        user=stranger.viewer.id,
    )
    with pytest.raises(NotAllowed):
        await runs.cancel(stranger, sent.run.id)
    await model.say("disturbed.", end=True)
    await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    (run,) = await runs.of_ids(scope, [sent.run.id])
    assert run is not None
    assert run.cancel_requested_at is None


class Deaf:
    """A model that will not stop before it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.said = 0

    async def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Says `x` and goes on saying it."""
        while not self.let.is_set():
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                continue
            self.said += 1
            yield TextDelta("x")


async def test_a_producer_that_will_not_stop_is_cut_off_after_the_grace_time(server: Server) -> None:
    deaf = Deaf()
    server.models = Models({"deaf": deaf})
    async with server.process(timing=Timing(lease=60, grace=0.3, heartbeat=60, sweep=60)) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await client.until(lambda client: len(client.shown) == 2 and client.text.startswith("xxx"))
            await runs.cancel(scope, sent.run.id)
            await client.over(sent.run.id)
            assert client.runs[sent.run.id] is RunStatus.CANCELLED
            text = client.text
            await agree(scope, session_id, client)
            deaf.let.set()
        (message,) = await messages.of_ids(scope, [sent.reply.id])
        assert message is not None
        assert message.content == text


async def test_a_producer_that_does_not_hear_is_cut_off_by_the_sweeper(server: Server, model: ScriptedModel) -> None:
    """The request to stop is lost on the bus."""
    bus = Lossy()
    bus.loses = lambda channel, payload: channel == channels.STOPS
    async with process_on(server, bus, Timing(lease=6, grace=0.3, heartbeat=60, sweep=0.05)) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("As far as")
            await client.reads(sent.reply.id, "As far as")
            await runs.cancel(scope, sent.run.id)
            await client.over(sent.run.id)
            assert client.runs[sent.run.id] is RunStatus.CANCELLED
            script = model._current()
            await script.say(" it goes")  # and that was too late
            await model.until_stopped()
            assert client.text == "As far as"
            await agree(scope, session_id, client)


async def test_a_tool_call_that_is_cancelled_gets_a_result(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.call("c1", "search", "{}")
        await client.until(lambda client: client.shown.get(sent.reply.id) and client.shown[sent.reply.id].parts)
        await runs.cancel(scope, sent.run.id)
        await client.over(sent.run.id)
        assert client.shown[sent.reply.id].parts[1] == {
            "kind": "toolResult",
            "callId": "c1",
            "name": "search",
            "text": "Cancelled before there was a result.",
            "isError": True,
        }


async def test_a_cancel_that_meets_the_end_of_a_reply_leaves_one_end(server: Server) -> None:
    server.models = Models({"scripted": ScriptedModel.streaming("A few words only.")})
    async with server.process(timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            for turn in range(20):
                sent = await ask(scope, session_id)
                for _ in range(turn * 4):
                    await asyncio.sleep(0)
                await runs.cancel(scope, sent.run.id)
                await client.over(sent.run.id)
                (run,) = await runs.of_ids(scope, [sent.run.id])
                assert run is not None
                assert run.status is client.runs[sent.run.id]
                assert run.status in (RunStatus.CANCELLED, RunStatus.COMPLETED)
            await agree(scope, session_id, client)


async def test_queued_runs_of_a_deleted_session_end_without_anybody(server: Server) -> None:
    """They would count as active for as long as the session is in the trash."""
    async with server.process(produces=False) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        for _ in range(2):
            await ask(scope, session_id)
        await sessions.delete(scope, session_id)

        async def none_left() -> bool:
            async with started.process.db.system() as tx:
                return await quotas.active_runs(tx, scope.viewer.id) == 0

        await until(none_left)


async def test_a_cancellation_that_got_no_further_than_its_request_is_finished(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        sent = await ask(scope, await begin(scope))
        await execute(scope, "UPDATE runs SET cancel_requested_at = now() WHERE id = :id", id=sent.run.id)
        assert await sweep_once(started.process, expired=False) == 1
        await has_status(scope, sent.run.id, RunStatus.CANCELLED)


async def test_what_somebody_wants_to_end_comes_before_lost_leases(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        (_, lost), (_, asked) = [await taken(scope) for _ in range(2)]
        await execute(scope, "UPDATE runs SET lease_until = now() - interval '1 hour' WHERE id = :id", id=lost.id)
        await execute(
            scope, "UPDATE runs SET cancel_requested_at = now() - interval '1 hour' WHERE id = :id", id=asked.id
        )
        async with started.process.db.system() as tx:
            for expired, found in ((True, [asked.id, lost.id]), (False, [asked.id])):
                assert [run.id for run in await run_rows.abandoned(tx, HOUR / 2, 9, expired=expired)] == found


async def test_who_interrupts_does_not_wait_for_what_has_not_begun(server: Server) -> None:
    """The first one is queued still: nobody has had the time to claim it."""
    async with server.process(produces=False) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        first = await ask(scope, session_id)
        second = await messages.send(scope, session_id, "No, this!", when_busy=WhenBusy.INTERRUPT)
        run = await runs.claim(started.process)
        assert run is not None
        assert run.id == second.run.id
        await has_status(scope, first.run.id, RunStatus.CANCELLED)
