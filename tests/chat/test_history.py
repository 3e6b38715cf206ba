"""History: what a model is told of a conversation."""

from uuid import uuid4

import pytest

from chat.conversation import compactions, messages, sessions
from chat.conversation.sessions import NewSession
from chat.library import templates
from chat.library.templates import Outline, Said
from chat.runs import message_turns, model_context
from chat.runs.rooms import Room
from chat.scope import Scope
from db.models import Json, Message, MessageRole, MessageStatus
from llm.turns import File, Reasoning, Text, ToolCall, ToolResult, Turn
from tests.chat.conftest import answer


def said(role: MessageRole, *parts: Json) -> Message:
    """A message of these parts."""
    return Message(id=uuid4(), role=role, status=MessageStatus.COMPLETE, parts=list(parts))


TEXT = {"kind": "text", "text": "Hi"}
CALL = {"kind": "toolCall", "id": "a", "name": "f", "text": '{"q": 1}'}
RESULT = {"kind": "toolResult", "callId": "a", "name": "f", "text": "none", "isError": True}


def test_a_reply_with_tools_is_split_where_results_begin_and_end() -> None:
    """1-27, 2-22."""
    reply = said(MessageRole.ASSISTANT, TEXT, CALL, RESULT, {**RESULT, "callId": "b"}, TEXT, CALL, RESULT)
    result = ToolResult("a", "f", "none", is_error=True)
    assert list(message_turns.turns(reply)) == [
        Turn("assistant", (Text("Hi"), ToolCall("a", "f", '{"q": 1}'))),
        Turn("tool", (result, ToolResult("b", "f", "none", is_error=True))),
        Turn("assistant", (Text("Hi"), ToolCall("a", "f", '{"q": 1}'))),
        Turn("tool", (result,)),
    ]


def test_a_message_without_tools_is_one_turn() -> None:
    file = {"kind": "file", "url": "https://host/a.png", "mediaType": "image/png", "name": "a.png"}
    asked = said(MessageRole.USER, TEXT, file)
    assert list(message_turns.turns(asked)) == [
        Turn("user", (Text("Hi"), File("https://host/a.png", "image/png", "a.png")))
    ]
    thought = said(MessageRole.ASSISTANT, {"kind": "reasoning", "text": "Hm"}, TEXT)
    assert list(message_turns.turns(thought)) == [Turn("assistant", (Reasoning("Hm"), Text("Hi")))]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"kind": "text", "text": ""}],
        [{"kind": "reasoning", "text": ""}],
        [{"kind": "data", "name": "panel", "value": {}}],
    ],
)
def test_a_message_that_says_nothing_to_a_model_is_no_turn(parts: list[Json]) -> None:
    assert list(message_turns.turns(said(MessageRole.ASSISTANT, *parts))) == []


def test_a_call_without_arguments_has_an_empty_object() -> None:
    (turn,) = message_turns.turns(said(MessageRole.ASSISTANT, {**CALL, "text": ""}))
    assert turn == Turn("assistant", (ToolCall("a", "f", "{}"),))


async def told(scope: Scope, reply: Message) -> list[str]:
    """The texts that the model is told before a reply."""
    async with scope.process.db.system() as tx:
        turns = await model_context.turns(tx, await model_context.before(tx, reply, None, Room.of(8_192, None)))
    return [part.text for turn in turns for part in turn.parts if isinstance(part, Text)]


async def test_a_model_is_told_the_path_alone(scope: Scope) -> None:
    """2-58: other branches are not its concern."""
    first = await messages.send(scope, NewSession(), "one")
    await answer(scope, first.run, "1")
    session_id = first.message.session_id
    second = await messages.send(scope, session_id, "two")
    await answer(scope, second.run, "2")
    edited = await messages.send(scope, session_id, "two, edited", parent_id=first.reply.id)
    other = await messages.send(scope, session_id, "another beginning", parent_id=None)
    assert await told(scope, second.reply) == ["one", "1", "two"]
    assert await told(scope, edited.reply) == ["one", "1", "two, edited"]
    assert await told(scope, other.reply) == ["another beginning"]


async def test_a_model_is_told_a_compaction_in_place_of_what_it_stands_for(scope: Scope) -> None:
    exchange = await messages.send(scope, NewSession(), "one")
    await answer(scope, exchange.run, "after one")
    await compactions.put(scope, exchange.reply.id, "They counted to one.")
    exchange = await messages.send(scope, exchange.message.session_id, "two")
    in_short, *rest = await told(scope, exchange.reply)
    assert in_short.endswith("in short:\n\nThey counted to one.")
    assert rest == ["two"]


async def test_a_deleted_message_is_not_told(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(), "one")
    await answer(scope, first.run, "1")
    second = await messages.send(scope, first.message.session_id, "two")
    async with scope.process.db.system() as tx:
        reply = await tx.get_one(Message, first.reply.id)
        reply.deleted_at = reply.created_at
    assert await told(scope, second.reply) == ["one", "two"]


async def test_instructions_and_examples_are_told_beside_a_compaction(scope: Scope) -> None:
    examples = [
        Said(MessageRole.USER, "2 + 2"),
        Said(MessageRole.ASSISTANT, "4"),
        Said(MessageRole.USER, "Now you."),
    ]
    outline = Outline(name="Sums", instructions="Answer with a number.", messages=examples)
    template = await templates.create(scope, outline)
    session, _ = await sessions.create(scope, NewSession(template_id=template.id))
    exchange = await messages.send(scope, session.id, "1 + 1")
    await answer(scope, exchange.run, "2")
    await compactions.put(scope, exchange.reply.id, "A sum.")
    exchange = await messages.send(scope, session.id, "4 + 4")
    instructions, *shown, in_short, question = await told(scope, exchange.reply)
    assert instructions == "Answer with a number."
    assert shown == ["2 + 2", "4"]
    assert in_short.endswith("A sum.")
    assert question == "4 + 4"


async def test_the_first_question_of_a_session_is_no_example(scope: Scope) -> None:
    exchange = await messages.send(scope, NewSession(), "one")
    await answer(scope, exchange.run, "1")
    await compactions.put(scope, exchange.reply.id, "Nothing.")
    again = await messages.send(scope, exchange.message.session_id, "two")
    assert len(await told(scope, again.reply)) == 2
