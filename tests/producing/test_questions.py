"""A run may ask a person; whoever answers first has answered, and the run goes on."""

import asyncio

import pytest

from chat.conversation import messages
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotFound, RunClosed
from chat.runs import appends, input_requests, producers, runs
from chat.runs.producers import Held
from chat.runs.sweeper import sweep_once
from chat.scope import Scope
from db.models import Run, RunStatus
from tests.conftest import Server, viewer_of


async def started(scope: Scope) -> Held:
    return await producers.start(scope, (await messages.post(scope, NewSession(), "Delete my files.")).message.id)


async def asked(scope: Scope, held: Held) -> Run:
    return await input_requests.ask(scope, held.run.id, 1, "May I call `rm`?", data={"tool": "rm"})


async def answered(scope: Scope, run: Run, value: object) -> Run:
    return await input_requests.answer(scope, run.id, run.question["id"], value)  # type: ignore[index]


async def test_a_run_waits_and_the_producer_gets_the_answer_with_its_next_append(scope: Scope) -> None:
    waiting = await asked(scope, await started(scope))
    assert (waiting.status, waiting.lease_until) == (RunStatus.AWAITING_INPUT, None)
    still = await appends.append(scope, waiting.id, 1, 1, [])
    assert (still.run.status, still.run.lease_until) == (RunStatus.AWAITING_INPUT, None)
    await answered(scope, waiting, {"approved": False})
    going_on = (await appends.append(scope, waiting.id, 1, 1, [])).run
    assert going_on.status is RunStatus.RUNNING
    assert going_on.lease_until is not None
    assert going_on.question == {
        "id": waiting.question["id"] if waiting.question else None,
        "text": "May I call `rm`?",
        "data": {"tool": "rm"},
        "answer": {"approved": False},
        "answeredBy": str(scope.viewer.id),
    }


async def test_of_simultaneous_answers_from_two_processes_one_counts(server: Server) -> None:
    async with server.process() as here, server.process() as there:
        one, other = await viewer_of(here, "ann"), await viewer_of(there, "ann")
        waiting = await asked(one, await started(one))
        results = await asyncio.gather(
            answered(one, waiting, {"approved": True}),
            answered(other, waiting, {"approved": False}),
            return_exceptions=True,
        )
        (refused,) = [result for result in results if isinstance(result, InvalidInput)]
        (won,) = [result for result in results if isinstance(result, Run)]
        assert refused.reason == "This was answered already, by someone who was quicker."
        (now,) = await runs.of_ids(one, [waiting.id])
        assert now is not None
        assert now.question == won.question


async def test_a_waiting_run_is_not_swept_away(scope: Scope) -> None:
    waiting = await asked(scope, await started(scope))
    assert await sweep_once(scope.process) == 0
    (now,) = await runs.of_ids(scope, [waiting.id])
    assert now is not None
    assert now.status is RunStatus.AWAITING_INPUT


async def test_asking_again_changes_nothing_and_another_question_must_wait(scope: Scope) -> None:
    held = await started(scope)
    first, again = await asked(scope, held), await asked(scope, held)
    assert first.question == again.question
    with pytest.raises(InvalidInput, match="another question"):
        await input_requests.ask(scope, held.run.id, 1, "And this?")


async def test_a_cancelled_run_takes_no_answer(scope: Scope) -> None:
    waiting = await asked(scope, await started(scope))
    await runs.cancel(scope, waiting.id)
    await producers.finish(scope, waiting.id, 1, 0, runs.Outcome(RunStatus.CANCELLED))
    with pytest.raises(RunClosed):
        await answered(scope, waiting, {"approved": True})


async def test_a_stranger_is_neither_asked_nor_heard(scope: Scope, stranger: Scope) -> None:
    held = await started(scope)
    with pytest.raises(NotFound):
        await asked(stranger, held)
    waiting = await asked(scope, held)
    with pytest.raises(NotFound):
        await answered(stranger, waiting, {"approved": True})
