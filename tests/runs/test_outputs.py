"""Replies of agents that answer in JSON: text as it comes, and a value with the end."""

from typing import Any
from uuid import UUID

import pytest

from chat.conversation import messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.library import agents
from chat.library.agents import Character
from chat.refusals import InvalidInput
from chat.runs import outputs, retries, runs
from chat.scope import Scope
from db import rows
from db.models import FinishReason, MessageStatus, Run, RunStatus
from llm.errors import ModelError, ModelErrorCode
from llm.events import FinishReason as Reason
from llm.events import PartBreak, ReasoningInstead, TextDelta, Usage
from llm.scripted import ScriptedModel
from llm.turns import Text, Turn
from sync.events import MessageChanged, RunChanged
from tests.sync.client import Client, agree, watching
from tests.sync.talk import ask

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "number", "maximum": 50}}},
    "required": ["city"],
}
WEATHER = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA}}
OSLO = '{"city": "Oslo"}'


def data(value: object, name: str = "weather") -> dict[str, object]:
    return {"kind": "data", "name": name, "value": value}


def text(said: str) -> dict[str, object]:
    return {"kind": "text", "text": said}


async def talk(scope: Scope, format: object = WEATHER) -> UUID:
    """A session with an agent that answers so."""
    agent = await agents.create(scope, Character(name="Weather", parameters={"response_format": format}))
    session, _ = await sessions.create(scope, NewSession(title="Weather", agent_id=agent.id))
    return session.id


async def over(client: Client, sent: Exchange) -> tuple[Run | rows.Run, list[dict[str, Any]]]:
    """The end of a run as a window hears it, with the parts that it shows then."""
    await client.over(sent.run.id)
    run = [event.row for event in client.told if isinstance(event, RunChanged)][-1]
    return run, client.shown[sent.reply.id].parts


async def test_the_value_comes_with_the_end_in_every_window(scope: Scope, model: ScriptedModel) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client, watching(scope, session_id) as other:
        sent = await ask(scope, session_id)
        await model.say('{"city": "Os')
        await client.reads(sent.reply.id, '{"city": "Os')
        await model.say('lo", "days": [1, 2.5]}', end=True)
        run, shown = await over(client, sent)
        await other.over(sent.run.id)
        whole = '{"city": "Oslo", "days": [1, 2.5]}'
        assert (run.status, run.error, run.finish_reason) == (RunStatus.COMPLETED, None, FinishReason.STOP)
        assert shown == other.shown[sent.reply.id].parts == [text(whole), data({"city": "Oslo", "days": [1, 2.5]})]
        changed = [event.row for event in client.told if isinstance(event, MessageChanged)]
        assert [row.status for row in changed if len(row.parts) == 2] == [MessageStatus.COMPLETE]
        (stored,) = await messages.of_ids(scope, [sent.reply.id])
        assert stored is not None
        assert (stored.content, stored.parts) == (whole, shown)
        await agree(scope, session_id, client)
    assert model.requests[0].parameters == {"response_format": WEATHER}


async def test_a_value_is_told_to_the_model_once(scope: Scope, model: ScriptedModel) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        for question in ("Now?", "And now?"):
            sent = await ask(scope, session_id, question)
            await model.say(OSLO, end=True)
            await over(client, sent)
    assert model.requests[1].turns[1] == Turn("assistant", (Text(OSLO),))


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (f"```json\n{OSLO}\n```", {"city": "Oslo"}),
        (f"```\n{OSLO}```\n", {"city": "Oslo"}),
        (f"\n\ufeff{OSLO}\n", {"city": "Oslo"}),
        ('{"city": "\\ud83e\\ude9f \\ud83e \\u0000"}', {"city": "🪟 � �"}),
        ('{"city": "```"}', {"city": "```"}),
        ('{"city": "", "n": 18446744073709551615, "x": 1e300}', {"city": "", "n": 2**64 - 1, "x": 1e300}),
    ],
)
async def test_a_value_is_read_from_what_was_said(scope: Scope, model: ScriptedModel, said: str, value: object) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say(said, end=True)
        assert (await over(client, sent))[1] == [text(said), data(value)]


FITS_NOT = "The model's answer does not fit the schema 'weather'"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"city": 1}', f"{FITS_NOT} at '/city': it is not of type \"string\"."),
        ('{"city": "", "days": [1, 99]}', f"{FITS_NOT} at '/days/1': it is greater than the maximum of 50."),
        ("{}", f'{FITS_NOT}: "city" is a required property.'),
        ("[]", f'{FITS_NOT}: it is not of type "object".'),
        ("null", "The model's answer is null, which says nothing."),
        ("It is mild.", "The model's answer is not JSON, from line 1, column 1 on."),
        ("   ", "The model's answer is blank."),
        (f"{OSLO}\n{OSLO}", "The model's answer is not JSON, from line 2, column 1 on."),
        ('{"city": NaN}', "The model's answer is not JSON: there is no NaN in it."),
        ('{"city": 18446744073709551616}', "The model's answer has an integer of more than 64 bits."),
        ('{"city": 1e999}', "The model's answer has a number that no double can hold."),
        ("[" * 101 + "]" * 101, "The model's answer is more than 100 levels deep."),
        ("[" * 100_000, "The model's answer is more than 100 levels deep."),
        (f'"{"x" * outputs.LARGEST}"', "The model's answer is longer than 262,144 characters."),
    ],
)
async def test_what_was_not_asked_for_is_a_failure_that_keeps_its_text(
    scope: Scope, model: ScriptedModel, said: str, reason: str
) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say(said)
        await model.finish(usage=Usage(12, 7), provider_ref="ref-1")
        run, shown = await over(client, sent)
        assert run.error == {"code": "INVALID_OUTPUT", "reason": f"{reason} Try again."}
        assert (run.status, run.finish_reason) == (RunStatus.FAILED, FinishReason.STOP)
        assert run.usage == {"inputTokens": 12, "outputTokens": 7}
        assert (client.shown[sent.reply.id].status, shown) == (MessageStatus.ERROR, [text(said)])
        await agree(scope, session_id, client)


@pytest.mark.parametrize("reason", [Reason.LENGTH, Reason.CONTENT_FILTER, Reason.REFUSED, Reason.PAUSED])
async def test_a_reply_that_is_not_whole_has_no_value(scope: Scope, model: ScriptedModel, reason: Reason) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say('{"city": ')
        await model.finish(finish_reason=reason)
        run, shown = await over(client, sent)
        assert (run.status, run.finish_reason) == (RunStatus.COMPLETED, FinishReason(reason))
        assert shown == [text('{"city": ')]


async def test_a_refusal_stays_one(scope: Scope, model: ScriptedModel) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.fail(ModelError("The model refused to answer.", ModelErrorCode.REFUSED))
        run, shown = await over(client, sent)
        assert (run.error, shown) == ({"code": "REFUSED", "reason": "The model refused to answer."}, [])


async def test_both_halves_of_a_reply_that_was_cut_off_are_one_value(scope: Scope, model: ScriptedModel) -> None:
    """The second half is asked for without the format: a model that is held to it would begin anew."""
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say('{"city": "Os')
        await model.finish(finish_reason=Reason.LENGTH)
        await over(client, sent)
        _, again = await retries.resume(scope, sent.run.id)
        await model.say('lo"}', end=True)
        await client.over(again.run.id)
        assert client.shown[sent.reply.id].parts == [text(OSLO), data({"city": "Oslo"})]
    assert model.requests[1].parameters == {}


async def test_a_reply_that_was_stopped_before_its_answer_is_asked_for_all_of_it(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("I look.")
        await model.call("c1", "search")
        await client.until(lambda client: len(client.shown[sent.reply.id].parts) == 2)
        await runs.cancel(scope, sent.run.id)
        await client.over(sent.run.id)
        _, again = await retries.resume(scope, sent.run.id)
        await model.until_asked(2)
        await model.say(OSLO, end=True)
        await client.over(again.run.id)
        assert client.shown[sent.reply.id].parts[-2:] == [text(OSLO), data({"city": "Oslo"})]
    assert model.requests[1].parameters == {"response_format": WEATHER}


async def test_the_value_is_what_is_said_after_tools(scope: Scope, model: ScriptedModel) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.think("Hm.")
        await model.say("I look.")
        await model.call("c1", "search", "{}")
        await model.result("c1", "search", "Oslo")
        await model.give(TextDelta('{"city":'), PartBreak(), TextDelta('"Oslo"}'))
        await model.finish()
        shown = (await over(client, sent))[1]
        assert [part["kind"] for part in shown] == [
            *("reasoning", "text", "toolCall", "toolResult", "text", "text", "data")
        ]
        assert shown[-1] == data({"city": "Oslo"})


async def test_thoughts_that_were_taken_for_text_are_no_part_of_the_value(scope: Scope, model: ScriptedModel) -> None:
    session_id = await talk(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.give(TextDelta("Hm."), ReasoningInstead("Hm."), TextDelta(OSLO))
        await model.finish()
        assert (await over(client, sent))[1][1:] == [text(OSLO), data({"city": "Oslo"})]


@pytest.mark.parametrize(("said", "value"), [('{"a": [1]}', {"a": [1]}), ("[1]", None)])
async def test_without_a_schema_any_object_is_a_value(
    scope: Scope, model: ScriptedModel, said: str, value: object
) -> None:
    session_id = await talk(scope, {"type": "json_object"})
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say(said, end=True)
        run, shown = await over(client, sent)
        assert shown == [text(said), *([] if value is None else [data(value, "json")])]
        assert (run.error or {}).get("reason") == (
            "The model's answer is JSON, but no object. Try again." if value is None else None
        )


@pytest.mark.parametrize("format", [{"type": "text"}, None])
async def test_a_text_has_no_value(scope: Scope, model: ScriptedModel, format: object) -> None:
    session_id = await talk(scope, format)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say(OSLO, end=True)
        assert (await over(client, sent))[1] == [text(OSLO)]


async def test_a_schema_that_cannot_be_used_is_refused_with_its_agent(scope: Scope) -> None:
    def character(schema: object) -> Character:
        format = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        return Character(name="Weather", parameters={"response_format": format})

    before = await agents.count(scope)
    with pytest.raises(InvalidInput) as refused:
        await agents.create(scope, character({"properties": {"a": {"type": "strin"}}}))
    assert refused.value.field == "parameters"
    assert refused.value.reason.startswith("The schema of 'response_format' cannot be used at '/properties/a/type': ")
    assert await agents.count(scope) == before

    agent = await agents.create(scope, character({"type": "object"}))
    with pytest.raises(InvalidInput, match="nothing is fetched"):
        await agents.edit(scope, agent.id, character({"$ref": "https://example.com/schema"}))
    with pytest.raises(InvalidInput, match="needs a JSON Schema"):
        await agents.edit(scope, agent.id, character(True))
    (same,) = await agents.of_ids(scope, [agent.id])
    assert same is not None
    assert same.version == 1
