"""Apps with their own agent write runs: exact under repeats, gaps, takeovers and ends from elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from chat.conversation import messages, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.refusals import Busy, Fenced, IdTaken, InvalidInput, NotFound, RunClosed, SequenceGap
from chat.runs import appends, producers, runs
from chat.runs.appends import LARGEST_DATA, Said
from chat.runs.producers import Held
from chat.runs.runs import Outcome
from chat.scope import Scope
from chat.subscriptions import streams
from db.models import Json, MessageStatus, RunStatus
from db.page import Span
from sync.events import MessageChanged, PartChanged, RunChanged, TextDelta
from tests.conftest import Server, viewer_of
from tests.sync.talk import caught_up, execute

COMPLETED = Outcome(RunStatus.COMPLETED)


def text(value: str) -> Said:
    return lambda draft: draft.text(value)


async def question(scope: Scope) -> messages.Posted:
    return await messages.post(scope, NewSession(), "What is a transom?")


async def started(scope: Scope) -> Held:
    return await producers.start(scope, (await question(scope)).message.id)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110  (the condition is in the database)
            await asyncio.sleep(0.02)


async def reply_of(scope: Scope, held: Held) -> tuple[str, list[Json]]:
    (message,) = await messages.of_ids(scope, [held.message.id])
    assert message is not None
    return message.content, message.parts


async def test_a_reply_is_written_event_by_event_and_read_back_whole(scope: Scope) -> None:
    held = await started(scope)
    assert (held.run.status, held.run.epoch, held.message.status) == (RunStatus.RUNNING, 1, MessageStatus.STREAMING)
    assert (await appends.append(scope, held.run.id, 1, 1, [text("A bar "), text("that ")])).last_seq == 2
    assert (await appends.append(scope, held.run.id, 1, 3, [text("joins panes.")])).last_seq == 3
    assert (await reply_of(scope, held))[0] == "A bar that joins panes."
    ended = await producers.finish(scope, held.run.id, 1, 3, COMPLETED)
    assert (ended.run.status, ended.message.status) == (RunStatus.COMPLETED, MessageStatus.COMPLETE)
    assert await reply_of(scope, held) == (
        "A bar that joins panes.",
        [{"kind": "text", "text": "A bar that joins panes."}],
    )


async def test_windows_hear_every_event_once_it_is_stored(patient: Scope, elsewhere: Scope) -> None:
    held = await started(patient)
    panel: Json = {"kind": "data", "name": "panel", "value": {"open": True}}
    session_id = held.run.session_id
    async with (
        streams.session(patient, session_id, None) as near,
        streams.session(elsewhere, session_id, None) as far,
        asyncio.timeout(20),
    ):
        for window in (near, far):
            await caught_up(window)
        said = [text("Hel"), text("lo"), lambda draft: draft.put(panel)]
        await appends.append(patient, held.run.id, 1, 1, said)
        for window in (near, far):
            opened, grown, put = [await anext(window) for _ in said]
            assert isinstance(opened, PartChanged)
            assert (opened.index, opened.part) == (0, {"kind": "text", "text": "Hel"})
            assert isinstance(grown, TextDelta)
            assert (grown.index, grown.offset, grown.text) == (0, 3, "lo")
            assert isinstance(put, PartChanged)
            assert (put.index, put.part) == (1, panel)
        await producers.finish(patient, held.run.id, 1, 3, COMPLETED)
        for window in (near, far):
            whole, over = await anext(window), await anext(window)
            assert isinstance(whole, MessageChanged)
            assert (whole.row.content, whole.row.parts[1]) == ("Hello", panel)
            assert isinstance(over, RunChanged)
            assert over.row.status is RunStatus.COMPLETED


async def test_what_is_sent_again_is_stored_once(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("one "), text("two ")])
    assert (await appends.append(scope, held.run.id, 1, 1, [text("one "), text("two ")])).last_seq == 2
    assert (await appends.append(scope, held.run.id, 1, 2, [text("two "), text("three")])).last_seq == 3
    assert (await reply_of(scope, held))[0] == "one two three"


async def test_data_that_is_too_large_is_refused_and_nothing_is_lost(scope: Scope) -> None:
    held = await started(scope)

    def panel(value: str) -> Said:
        return lambda draft: draft.put({"kind": "data", "name": "panel", "value": value})

    most = "x" * (LARGEST_DATA - 2)  # the quotation marks count
    await appends.append(scope, held.run.id, 1, 1, [text("Look: "), panel(most)])
    with pytest.raises(InvalidInput, match="at most 65,536 bytes as JSON; this has 65,537"):
        await appends.append(scope, held.run.id, 1, 3, [text("And "), panel(most + "x")])
    await appends.append(scope, held.run.id, 1, 3, [text("that is it.")])
    ended = await producers.finish(scope, held.run.id, 1, 3, COMPLETED)
    assert [part["kind"] for part in ended.message.parts] == ["text", "data", "text"]
    assert ended.message.content == "Look: \n\nthat is it."


async def test_a_gap_names_the_number_that_is_expected(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("one")])
    with pytest.raises(SequenceGap) as refused:
        await appends.append(scope, held.run.id, 1, 3, [text("three")])
    assert refused.value.expected == 2
    with pytest.raises(SequenceGap) as refused:
        await producers.finish(scope, held.run.id, 1, 2, COMPLETED)
    assert refused.value.expected == 2
    assert (await reply_of(scope, held))[0] == "one"


async def test_simultaneous_repeats_through_two_processes_store_each_event_once(server: Server) -> None:
    async with server.process() as here, server.process() as there:
        scope = await viewer_of(here, "ann")
        other = await viewer_of(there, "ann")
        held = await started(scope)
        words = [text(f"{number} ") for number in range(40)]

        async def produce(by: Scope, step: int) -> None:
            for start in range(0, 40, step):
                await appends.append(by, held.run.id, 1, 1, words[: start + step])

        await asyncio.gather(produce(scope, 5), produce(other, 8), produce(scope, 4))
        assert (await reply_of(scope, held))[0] == "".join(f"{number} " for number in range(40))


async def test_a_takeover_goes_on_where_the_other_stopped_and_fences_it(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("So far ")])
    taken = await producers.take_over(scope, held.run.id)
    assert (taken.run.epoch, taken.message.content) == (2, "So far ")
    with pytest.raises(Fenced) as fenced:
        await appends.append(scope, held.run.id, 1, 2, [text("LOST")])
    assert fenced.value.epoch == 2
    with pytest.raises(Fenced):
        await producers.finish(scope, held.run.id, 1, 1, COMPLETED)
    await appends.append(scope, held.run.id, 2, 1, [text("so good.")])
    ended = await producers.finish(scope, held.run.id, 2, 1, COMPLETED)
    assert ended.message.content == "So far so good."


async def test_a_run_that_is_over_takes_nothing_more(scope: Scope) -> None:
    held = await started(scope)
    await producers.finish(scope, held.run.id, 1, 0, COMPLETED)
    for late in (
        appends.append(scope, held.run.id, 1, 1, [text("late")]),
        producers.take_over(scope, held.run.id),
        producers.finish(scope, held.run.id, 1, 0, Outcome(RunStatus.CANCELLED)),
    ):
        with pytest.raises(RunClosed) as closed:
            await late
        assert closed.value.status == "completed"


async def test_finishing_again_gives_the_same_answer(scope: Scope) -> None:
    held = await started(scope)
    first = await producers.finish(scope, held.run.id, 1, 0, COMPLETED)
    again = await producers.finish(scope, held.run.id, 1, 0, COMPLETED)
    assert (again.run.id, again.run.finished_at) == (first.run.id, first.run.finished_at)


async def test_a_producer_learns_of_a_cancellation_with_its_next_append(scope: Scope) -> None:
    held = await started(scope)
    await runs.cancel(scope, held.run.id)
    acknowledged = await appends.append(scope, held.run.id, 1, 1, [text("Well, ")])
    assert acknowledged.run.cancel_requested_at is not None
    ended = await producers.finish(scope, held.run.id, 1, 1, Outcome(RunStatus.CANCELLED))
    assert (ended.run.status, ended.message.content) == (RunStatus.CANCELLED, "Well, ")


async def test_a_deaf_producer_is_cut_off_with_everything_it_wrote(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("I go on and on")])
    await runs.cancel(scope, held.run.id)

    async def over() -> bool:
        (run,) = await runs.of_ids(scope, [held.run.id])
        return run is not None and run.status is RunStatus.CANCELLED

    await until(over)
    assert (await reply_of(scope, held))[0] == "I go on and on"
    with pytest.raises(RunClosed):
        await appends.append(scope, held.run.id, 1, 2, [text("and on")])


async def test_a_producer_without_a_sign_of_life_loses_its_run(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("Half a sen")])
    await execute(scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=held.run.id)

    async def over() -> bool:
        (run,) = await runs.of_ids(scope, [held.run.id])
        return run is not None and run.status is RunStatus.INTERRUPTED

    await until(over)
    assert (await reply_of(scope, held))[0] == "Half a sen"


async def test_empty_appends_keep_the_lease(scope: Scope) -> None:
    held = await started(scope)
    assert held.run.lease_until is not None
    kept = await appends.append(scope, held.run.id, 1, 1, [])
    assert kept.last_seq == 0
    assert kept.run.lease_until is not None
    assert kept.run.lease_until > held.run.lease_until


async def test_every_kind_of_part_is_kept_and_open_tool_calls_are_closed(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(
        scope,
        held.run.id,
        1,
        1,
        [
            lambda draft: draft.reasoning("Hm. "),
            lambda draft: draft.call("c1", "search", '{"q":'),
            lambda draft: draft.arguments("c1", '"transom"}'),
            lambda draft: draft.result("c1", "a bar"),
            lambda draft: draft.call("c2", "draw"),
            lambda draft: draft.put({"kind": "data", "name": "panel", "value": {"open": True}}),
            text("Done"),
        ],
    )
    await producers.finish(scope, held.run.id, 1, 7, Outcome(RunStatus.CANCELLED))
    assert (await reply_of(scope, held))[1] == [
        {"kind": "reasoning", "text": "Hm. "},
        {"kind": "toolCall", "id": "c1", "name": "search", "text": '{"q":"transom"}'},
        {"kind": "toolResult", "callId": "c1", "name": "search", "text": "a bar", "isError": False},
        {"kind": "toolCall", "id": "c2", "name": "draw", "text": ""},
        {"kind": "data", "name": "panel", "value": {"open": True}},
        {"kind": "text", "text": "Done"},
        {
            "kind": "toolResult",
            "callId": "c2",
            "name": "draw",
            "text": "Cancelled before there was a result.",
            "isError": True,
        },
    ]


async def test_an_event_that_cannot_be_leaves_nothing_behind(scope: Scope) -> None:
    held = await started(scope)
    with pytest.raises(InvalidInput, match="no tool call 'nope'"):
        await appends.append(scope, held.run.id, 1, 1, [text("x"), lambda draft: draft.result("nope", "?")])
    assert (await appends.append(scope, held.run.id, 1, 1, [text("y")])).last_seq == 1
    assert (await reply_of(scope, held))[0] == "y"


async def test_starting_again_with_the_same_id_gives_the_same_run(scope: Scope, stranger: Scope) -> None:
    asked = await question(scope)
    run_id = uuid4()
    first, again = await asyncio.gather(
        producers.start(scope, asked.message.id, run_id=run_id),
        producers.start(scope, asked.message.id, run_id=run_id),
    )
    assert (first.run.id, first.message.id) == (again.run.id, again.message.id) == (run_id, first.message.id)
    with pytest.raises(IdTaken):
        await producers.start(stranger, (await question(stranger)).message.id, run_id=run_id)


async def test_a_busy_session_refuses_or_queues_or_makes_way(scope: Scope) -> None:
    held = await started(scope)
    session_id = held.run.session_id
    second = await messages.post(scope, session_id, "And a mullion?")
    with pytest.raises(Busy) as busy:
        await producers.start(scope, second.message.id)
    assert busy.value.run_id == held.run.id

    queued = await producers.start(scope, second.message.id, when_busy=WhenBusy.QUEUE)
    assert (queued.run.status, queued.run.epoch) == (RunStatus.QUEUED, 0)
    with pytest.raises(InvalidInput, match="waits for another"):
        await producers.take_over(scope, queued.run.id)
    await producers.finish(scope, held.run.id, 1, 0, COMPLETED)
    taken = await producers.take_over(scope, queued.run.id)
    assert (taken.run.status, taken.run.epoch) == (RunStatus.RUNNING, 1)

    third = await messages.post(scope, session_id, "Never mind.")
    favoured = await producers.start(scope, third.message.id, when_busy=WhenBusy.INTERRUPT)
    assert favoured.run.status is RunStatus.RUNNING
    assert (await appends.append(scope, taken.run.id, 1, 1, [])).run.cancel_requested_at is not None


async def test_a_stranger_can_do_nothing_with_a_run(scope: Scope, stranger: Scope) -> None:
    held = await started(scope)
    asked = await question(scope)
    for attempt in (
        producers.start(stranger, asked.message.id),
        appends.append(stranger, held.run.id, 1, 1, [text("mine")]),
        producers.finish(stranger, held.run.id, 1, 0, COMPLETED),
        producers.take_over(stranger, held.run.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await reply_of(scope, held)) == ("", [])


async def test_the_reply_stands_where_it_belongs_on_the_path(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("Yes.")])
    page, _ = await messages.page(scope, held.run.session_id, Span(10))
    assert [(row.depth, row.content) for row in page.rows] == [(0, "What is a transom?"), (1, "Yes.")]
    seen = await sessions.get(scope, held.run.session_id)
    assert seen is not None
    assert seen[0].message_count == 2


async def test_a_pair_of_surrogates_may_come_in_two_events(scope: Scope) -> None:
    held = await started(scope)
    await appends.append(scope, held.run.id, 1, 1, [text("\ud83e"), text("\ude9f!")])
    assert (await reply_of(scope, held))[0] == "\U0001fa9f!"


async def test_what_the_server_writes_no_app_can_write_to(server: Server) -> None:
    """An event of the app would take the number of one of the server's, which would be shown and never stored."""
    async with server.process(produces=False) as started:
        scope = await viewer_of(started)
        sent = await messages.send(scope, NewSession(), "Well?")
        run = await runs.claim(started.process)
        assert run is not None
        assert run.id == sent.run.id
        with pytest.raises(InvalidInput, match="The server generates this run itself"):
            await appends.append(scope, run.id, 1, 1, [text("MINE")])
        with pytest.raises(InvalidInput, match="The server generates this run itself"):
            await producers.finish(scope, run.id, 1, 0, COMPLETED)
        (now,) = await runs.of_ids(scope, [run.id])
        assert now is not None
        assert (now.status, now.lease_until) == (RunStatus.RUNNING, run.lease_until)


async def test_the_id_of_a_run_belongs_to_the_message_that_it_answers(scope: Scope) -> None:
    first, run_id = await question(scope), uuid4()
    held = await producers.start(scope, first.message.id, run_id=run_id)
    await appends.append(scope, run_id, 1, 1, [text("So far")])
    again = await producers.start(scope, first.message.id, run_id=run_id)
    assert (again.run.id, again.message.id, again.message.content) == (run_id, held.message.id, "So far")
    with pytest.raises(IdTaken):
        await producers.start(scope, (await question(scope)).message.id, run_id=run_id)
