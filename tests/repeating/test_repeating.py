"""Every mutation can be repeated: the same key and input happens once and is answered again."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLObjectType
from sqlalchemy import text

from chat.conversation import messages, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.library import agents, folders, projects, templates
from chat.process import Timing
from chat.removal.retention import tidy_once
from chat.runs import input_requests, producers, runs
from chat.runs.summarizer import INSTRUCTIONS
from chat.scope import Scope
from db.listing import Filter
from llm.events import Event, Finished, TextDelta, Usage
from llm.models import Models
from llm.scripted import ScriptedModel
from llm.turns import Request
from resolvers.root import api
from tests.conftest import Server, viewer_of
from tests.repeating.asking import ask

SEND = """
    mutation ($key: String, $text: String = "Hi", $session: ID) {
        sendMessage(input: {text: $text, sessionId: $session}, clientMutationId: $key) {
            __typename
            ... on SendMessagePayload { session { id messageCount } message { id } reply { id } run { id } }
            ... on InvalidInput { field reason }
        }
    }
"""


VERSION = "{ session { id version } }"
EPOCH = "{ run { id epoch } }"


async def sent(scope: Scope, key: str | None, **variables: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(scope, SEND, key=key, **variables))["sendMessage"]
    return answer


async def test_a_message_that_is_sent_again_is_stored_once(scope: Scope) -> None:
    key = str(uuid4())
    first, again = await sent(scope, key), await sent(scope, key)
    assert first["__typename"] == "SendMessagePayload"
    assert again == first
    assert await sessions.count(scope, Filter()) == 1


async def test_simultaneous_repeats_happen_once(scope: Scope) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(*(sent(scope, key) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert await sessions.count(scope, Filter()) == 1


async def test_a_key_is_not_for_two_things(scope: Scope) -> None:
    key = str(uuid4())
    await sent(scope, key)
    assert await sent(scope, key, text="Something else") == {
        "__typename": "InvalidInput",
        "field": "clientMutationId",
        "reason": "This key was used for something else. Make a new one.",
    }
    assert await sessions.count(scope, Filter()) == 1


async def test_the_same_key_of_another_account_is_another_key(scope: Scope, stranger: Scope) -> None:
    key = str(uuid4())
    mine, theirs = await sent(scope, key), await sent(stranger, key)
    assert mine["message"]["id"] != theirs["message"]["id"]


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "nul\0"])
async def test_a_key_that_cannot_be_is_refused(scope: Scope, key: str) -> None:
    answer = await sent(scope, key)
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "clientMutationId")
    assert await sessions.count(scope, Filter()) == 0


async def test_a_refusal_is_not_remembered(scope: Scope) -> None:
    key = str(uuid4())
    refused = await sent(scope, key, text=" ")
    assert refused["__typename"] == "InvalidInput"
    assert (await sent(scope, key, text="Now with words"))["__typename"] == "SendMessagePayload"


async def test_a_late_repeat_of_a_rename_does_not_undo_a_later_one(scope: Scope) -> None:
    rename = """
        mutation ($id: ID!, $title: String!, $key: String) {
            editSession(input: {id: $id, title: $title}, clientMutationId: $key) {
                ... on SessionPayload { session { title version } }
            }
        }
    """
    session, _ = await sessions.create(scope, NewSession())
    id = str(session.id)
    await ask(scope, rename, id=id, title="First", key="a")
    await ask(scope, rename, id=id, title="Second", key="b")
    late = await ask(scope, rename, id=id, title="First", key="a")
    assert late["editSession"] == {"session": {"title": "Second", "version": 3}}


async def only_summarises(request: Request) -> AsyncGenerator[Event]:
    """A model that writes every summary at once, and no reply ever."""
    if request.instructions != INSTRUCTIONS:
        await asyncio.Event().wait()
    yield TextDelta("In short.")
    yield Finished(Usage(0, 2))


async def test_each_mutation_is_answered_again(server: Server) -> None:
    summarising = replace(server, models=Models({"scripted": ScriptedModel(only_summarises)}))
    async with summarising.process(timing=Timing()) as started:
        await answer_each_again(await viewer_of(started))


async def answer_each_again(scope: Scope) -> None:
    project = await projects.create(scope, "Panes")
    agent = await agents.create(scope, agents.Character(name="Helper"))
    template = await templates.create(scope, templates.Outline(name="Tour"))
    session, _ = await sessions.create(scope, NewSession())
    exchange = await messages.send(scope, NewSession(), "Hi")
    asked = await messages.post(scope, NewSession(), "Hello")
    told = await messages.post(scope, NewSession(), "Tell me")
    held = await producers.start(scope, (await messages.post(scope, NewSession(), "Hey")).message.id)
    waits = await producers.start(scope, (await messages.post(scope, NewSession(), "Well?")).message.id)
    over = await messages.send(scope, NewSession(), "Stop")
    await runs.cancel(scope, over.run.id)
    busy = await messages.send(scope, NewSession(), "First", when_busy=WhenBusy.QUEUE)
    waiting = await messages.send(scope, busy.seen[0].id, "Second", when_busy=WhenBusy.QUEUE)
    folder = await folders.create(scope, "Work")
    talk = (await messages.post(scope, NewSession(), "Say no more")).message
    thrown = [(await sessions.create(scope, NewSession()))[0].id for _ in range(2)]
    for each in thrown:
        await sessions.delete(scope, each)
    removal = f'input: {{sessionId: "{talk.session_id}", id: "{talk.id}"}}'
    calls = {
        "createTemplate": '(input: {name: "New"}, KEY) { ... on TemplatePayload { template { id } } }',
        "editTemplate": f'(input: {{id: "{template.id}", name: "N"}}, KEY) '
        "{ ... on TemplatePayload { template { version } } }",
        "deleteTemplate": f'(id: "{template.id}", KEY) {{ ... on DeleteTemplatePayload {{ id }} }}',
        "createFolder": '(input: {name: "New"}, KEY) { ... on FolderPayload { folder { id } } }',
        "editFolder": f'(input: {{id: "{folder.id}", name: "N"}}, KEY) '
        "{ ... on FolderPayload { folder { version } } }",
        "moveFolder": f'(id: "{folder.id}", KEY) {{ ... on FolderPayload {{ folder {{ position }} }} }}',
        "deleteFolder": f'(id: "{folder.id}", KEY) {{ ... on DeleteFolderPayload {{ id }} }}',
        "restoreSession": f'(id: "{thrown[0]}", KEY) {{ ... on SessionPayload {{ session {{ id }} }} }}',
        "purgeSession": f'(id: "{thrown[1]}", KEY) {{ ... on PurgeSessionPayload {{ id }} }}',
        "deleteMessages": f"({removal}, KEY) {{ ... on DeleteMessagesPayload {{ count session {{ id }} }} }}",
        "restoreMessages": f"({removal}, KEY) {{ ... on RestoreMessagesPayload {{ count session {{ id }} }} }}",
        "restoreHistory": f'(id: "{talk.session_id}", KEY) {{ ... on RestoreMessagesPayload {{ count }} }}',
        "clearSession": f'(id: "{talk.session_id}", KEY) {{ ... on ClearSessionPayload {{ count session {{ id }} }} }}',
        "bulkUpdateSessions": f'(input: {{ids: ["{talk.session_id}"], pinned: true}}, KEY) '
        "{ ... on BulkUpdateSessionsPayload { receipts { session { pinnedAt } } } }",
        "createProject": '(input: {name: "New"}, KEY) { ... on ProjectPayload { project { id } } }',
        "editProject": f'(input: {{id: "{project.id}"}}, KEY) {{ ... on ProjectPayload {{ project {{ version }} }} }}',
        "deleteProject": f'(id: "{project.id}", KEY) {{ ... on DeleteProjectPayload {{ id }} }}',
        "createAgent": '(input: {name: "New"}, KEY) { ... on AgentPayload { agent { id } } }',
        "editAgent": f'(input: {{id: "{agent.id}", name: "N"}}, KEY) '
        "{ ... on AgentPayload { agent { version } } }",
        "deleteAgent": f'(id: "{agent.id}", KEY) {{ ... on DeleteAgentPayload {{ id }} }}',
        "createSession": '(input: {title: "New"}, KEY) { ... on SessionPayload { session { id } } }',
        "editSession": f'(input: {{id: "{session.id}", title: "T"}}, KEY) {{ ... on SessionPayload {VERSION} }}',
        "markRead": f'(id: "{session.id}", KEY) {{ ... on SessionPayload {{ session {{ unread }} }} }}',
        "markUnread": f'(id: "{session.id}", KEY) {{ ... on SessionPayload {{ session {{ unread }} }} }}',
        "saveDraft": f'(id: "{session.id}", text: "Hm", KEY) {{ ... on SessionPayload {{ session {{ draft }} }} }}',
        "setSessionState": f'(id: "{session.id}", values: {{a: 1}}, KEY) '
        "{ ... on SessionPayload { session { state } } }",
        "summarizeSession": f'(id: "{told.message.session_id}", KEY) '
        "{ ... on SessionPayload { session { summary { text createdAt } } } }",
        "setReaction": f'(id: "{exchange.message.id}", emoji: "+1", KEY) '
        "{ ... on MessagePayload { message { reactions { emoji userIds } } } }",
        "setFeedback": f'(id: "{exchange.message.id}", rating: GOOD, KEY) '
        "{ ... on MessagePayload { message { feedback { rating } } } }",
        "annotateMessage": f'(input: {{messageId: "{exchange.message.id}", text: "Hm"}}, KEY) '
        "{ ... on MessagePayload { message { annotations { id text } } } }",
        "removeAnnotation": f'(messageId: "{exchange.message.id}", id: "{uuid4()}", KEY) '
        "{ ... on MessagePayload { message { annotations { id } } } }",
        "setCompaction": f'(id: "{exchange.message.id}", text: "In short", KEY) '
        "{ ... on MessagePayload { message { compaction { text createdAt } } } }",
        "moveSession": f'(id: "{session.id}", KEY) {{ ... on SessionPayload {{ session {{ position }} }} }}',
        "deleteSession": f'(id: "{session.id}", KEY) {{ ... on DeleteSessionPayload {{ id }} }}',
        "sendMessage": '(input: {text: "Hi", reply: false}, KEY) { ... on SendMessagePayload { message { id } } }',
        "editMessage": f'(input: {{messageId: "{told.message.id}", text: "Hey!", reply: false}}, KEY) '
        "{ ... on SendMessagePayload { message { id } } }",
        "reviseMessage": f'(input: {{id: "{told.message.id}", text: "Hello!"}}, KEY) '
        "{ ... on MessagePayload { message { version } } }",
        "chooseBranch": f'(id: "{told.message.session_id}", messageId: "{told.message.id}", KEY) '
        "{ ... on SessionPayload { session { leafId } } }",
        "forkSession": f'(input: {{sessionId: "{told.message.session_id}", messageId: "{told.message.id}"}}, KEY) '
        "{ ... on SessionPayload { session { id } } }",
        "replyToMessage": f'(id: "{told.message.id}", KEY) {{ ... on AskAgainPayload {{ run {{ id }} }} }}',
        "cancelRun": f'(id: "{exchange.run.id}", KEY) {{ ... on CancelRunPayload {{ run {{ id }} }} }}',
        "retryRun": f'(id: "{over.run.id}", KEY) {{ ... on AskAgainPayload {{ reply {{ id }} run {{ id }} }} }}',
        "continueRun": f'(id: "{over.run.id}", KEY) {{ ... on AskAgainPayload {{ reply {{ id }} run {{ id }} }} }}',
        "editQueuedRun": f'(id: "{waiting.run.id}", text: "Better", KEY) '
        "{ ... on EditQueuedRunPayload { message { id content } run { id } } }",
        "moveQueuedRun": f'(id: "{waiting.run.id}", KEY) {{ ... on MoveQueuedRunPayload {{ queue {{ id }} }} }}',
        "awaitInput": f'(input: {{id: "{waits.run.id}", epoch: 1, text: "May I?"}}, KEY) '
        "{ ... on AwaitInputPayload { run { question { id text } } } }",
        "startRun": f'(input: {{messageId: "{asked.message.id}"}}, KEY) {{ ... on HeldRunPayload {EPOCH} }}',
        "takeOverRun": f'(id: "{held.run.id}", KEY) {{ ... on HeldRunPayload {EPOCH} }}',
    }
    repeatable_by_number = {"appendToRun", "finishRun"}
    repeatable_by_nature = {"cancelSend", "answerRun", "applyBatch", "setTyping"}  # they have tests of their own
    mutations = api._schema.mutation_type
    assert isinstance(mutations, GraphQLObjectType)
    assert set(calls) | repeatable_by_number | repeatable_by_nature == set(mutations.fields)
    for name, call in calls.items():
        document = f"mutation {{ {name}{call.replace('KEY', f'clientMutationId: "{name}"')} }}"
        first, again = await ask(scope, document), await ask(scope, document)
        assert first[name] != {}, name
        assert again == first, name


async def test_what_was_deleted_since_is_not_made_again(scope: Scope) -> None:
    first = await sent(scope, "k")
    await ask(scope, "mutation ($id: ID!) { deleteSession(id: $id) { __typename } }", id=first["session"]["id"])
    assert (await sent(scope, "k"))["reason"] == "This was done, and what it made has been deleted since."
    assert await sessions.count(scope, Filter()) == 0


async def test_an_edit_of_another_version_is_shown_how_it_is_now(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession(title="One"))
    await sessions.edit(scope, session.id, title="Two")
    edit = """
        mutation ($id: ID!, $version: Int) {
            editSession(input: {id: $id, title: "Mine", expectedVersion: $version}) {
                __typename
                ... on SessionPayload { session { title version } }
                ... on SessionConflict { reason session { title version } }
            }
        }
    """
    refused = await ask(scope, edit, id=str(session.id), version=1)
    assert refused["editSession"] == {
        "__typename": "SessionConflict",
        "reason": "It was edited since: it has version 2 now. Look at it and try again.",
        "session": {"title": "Two", "version": 2},
    }
    done = await ask(scope, edit, id=str(session.id), version=2)
    assert done["editSession"] == {"__typename": "SessionPayload", "session": {"title": "Mine", "version": 3}}
    project = await projects.create(scope, "One")
    conflict = await ask(
        scope,
        """mutation ($id: ID!) { editProject(input: {id: $id, name: "x", expectedVersion: 7}) {
            ... on ProjectConflict { project { name version } } } }""",
        id=str(project.id),
    )
    assert conflict["editProject"] == {"project": {"name": "One", "version": 1}}


CANCEL_SEND = (
    "mutation ($key: String!) { cancelSend(clientMutationId: $key) { ... on CancelSendPayload { run { id } } } }"
)


async def test_a_message_can_be_cancelled_by_its_key_after_it_arrived(scope: Scope) -> None:
    exchange = await sent(scope, "k")
    answer = await ask(scope, CANCEL_SEND, key="k")
    assert answer["cancelSend"]["run"]["id"] == exchange["run"]["id"]
    assert (await ask(scope, CANCEL_SEND, key="k")) == answer


async def test_a_message_can_be_cancelled_by_its_key_before_it_arrives(scope: Scope) -> None:
    assert (await ask(scope, CANCEL_SEND, key="k"))["cancelSend"] == {"run": None}
    assert await sent(scope, "k") == {
        "__typename": "InvalidInput",
        "field": "clientMutationId",
        "reason": "This was cancelled before it arrived.",
    }
    assert await sessions.count(scope, Filter()) == 0


async def test_an_answer_that_is_given_again_with_its_key_counts(scope: Scope) -> None:
    held = await producers.start(scope, (await messages.post(scope, NewSession(), "Go")).message.id)
    asked = await input_requests.ask(scope, held.run.id, 1, "May I?")
    assert asked.question is not None
    answer = f"""mutation {{ answerRun(
        id: "{held.run.id}", questionId: "{asked.question["id"]}", answer: {{ok: true}}, clientMutationId: "a"
    ) {{ ... on AnswerRunPayload {{ run {{ status question {{ answer }} }} }} }} }}"""
    first, again = await ask(scope, answer), await ask(scope, answer)
    assert first == again == {"answerRun": {"run": {"status": "RUNNING", "question": {"answer": {"ok": True}}}}}


async def test_a_key_counts_for_thirty_days(scope: Scope) -> None:
    first = await sent(scope, "old")
    young = await sent(scope, "young")
    async with scope.process.db.system() as tx:
        await tx.execute(text("UPDATE receipts SET created_at = now() - interval '31 days' WHERE key = 'old'"))
        await tx.execute(text("UPDATE receipts SET created_at = now() - interval '29 days' WHERE key = 'young'"))
    await tidy_once(scope.process)
    assert await sent(scope, "young") == young
    assert (await sent(scope, "old"))["message"]["id"] != first["message"]["id"]
