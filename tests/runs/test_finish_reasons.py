"""Why a reply ended, who wrote it and when it began: told with the run and its message, in one step."""

from uuid import UUID

from chat.conversation import messages
from chat.runs import producers, retries, runs
from chat.runs.runs import Outcome
from chat.scope import Scope
from db.models import FinishReason, MessageStatus, RunStatus
from llm.events import FinishReason as Told
from llm.events import ReasoningInstead
from llm.scripted import ScriptedModel
from sync.events import MessageChanged, RunChanged
from tests.repeating.asking import ask as query
from tests.sync.client import agree, watching
from tests.sync.talk import ask, begin

SEE = """
    query ($id: ID!) { message(id: $id) {
        finishReason run { finishReason finishWord model firstTokenAt usage { inputTokens outputTokens } }
    } }
"""


async def ended(scope: Scope, message_id: UUID) -> tuple[FinishReason | None, FinishReason | None]:
    """The reason of a message, and of its run."""
    (message,) = await messages.of_ids(scope, [message_id])
    assert message is not None
    assert message.run_id is not None
    (run,) = await runs.of_ids(scope, [message.run_id])
    assert run is not None
    return message.finish_reason, run.finish_reason


async def test_every_window_is_told_why_a_reply_ended(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("As far as")
        await model.finish(finish_reason=Told.LENGTH)
        await client.over(sent.run.id)
        run = [event.row for event in client.told if isinstance(event, RunChanged)][-1]
        message = [event.row for event in client.told if isinstance(event, MessageChanged)][-1]
        assert (run.status, message.status) == (RunStatus.COMPLETED, MessageStatus.COMPLETE)
        assert (run.finish_reason, message.finish_reason) == (FinishReason.LENGTH, FinishReason.LENGTH)
        assert run.started_at is not None
        assert run.first_token_at is not None
        assert run.first_token_at >= run.started_at
        await agree(scope, session_id, client)
    found = (await query(scope, SEE, id=str(sent.reply.id)))["message"]
    assert (found["finishReason"], found["run"]["finishReason"]) == ("LENGTH", "LENGTH")


async def test_a_reply_that_is_taken_up_has_no_reason_until_it_ends(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("As far as")
        await model.finish(finish_reason=Told.LENGTH)
        await client.over(sent.run.id)
        _, again = await retries.resume(scope, sent.run.id)
        await model.say(" it goes.")
        assert await ended(scope, sent.reply.id) == (None, None)
        await model.finish()
        await client.over(again.run.id)
        assert await ended(scope, sent.reply.id) == (FinishReason.STOP, FinishReason.STOP)
        await agree(scope, session_id, client)


async def test_what_turns_out_to_be_a_thought_is_one_in_every_window(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("Okay, the user asks.")
        await model.give(ReasoningInstead("Okay, the user asks."))
        await model.say("Yes.", end=True)
        await client.over(sent.run.id)
        (message,) = await messages.of_ids(scope, [sent.reply.id])
        assert message is not None
        assert message.parts == [
            {"kind": "reasoning", "text": "Okay, the user asks."},
            {"kind": "text", "text": "Yes."},
        ]
        await agree(scope, session_id, client)


async def test_an_app_says_why_its_model_stopped(scope: Scope) -> None:
    asked = await messages.post(scope, await begin(scope), "Hi")
    held = await producers.start(scope, asked.message.id)
    outcome = Outcome(RunStatus.COMPLETED, model="mine", finish_reason=FinishReason.PAUSED)
    await producers.finish(scope, held.run.id, 1, 0, outcome)
    assert await ended(scope, held.message.id) == (FinishReason.PAUSED, FinishReason.PAUSED)
    found = (await query(scope, SEE, id=str(held.message.id)))["message"]
    assert found["run"] == {
        "finishReason": "PAUSED",
        "finishWord": None,
        "model": "mine",
        "firstTokenAt": None,
        "usage": None,
    }


async def test_tokens_of_an_app_are_counted_from_nothing(scope: Scope) -> None:
    asked = await messages.post(scope, await begin(scope), "Hi")
    held = await producers.start(scope, asked.message.id)
    finish = """
        mutation ($id: ID!) { finishRun(input: {id: $id, epoch: 1, lastSeq: 0, usage: {inputTokens: -1}}) {
            ... on InvalidInput { field reason }
        } }
    """
    assert (await query(scope, finish, id=str(held.run.id)))["finishRun"] == {
        "field": "usage.inputTokens",
        "reason": "It is a number of tokens, 0 or more. Leave out what is not known.",
    }
