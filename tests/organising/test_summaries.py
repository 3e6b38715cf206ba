"""Summaries: written by the model when somebody asks, corrected by people, live in every window."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from chat import runtime
from chat.conversation import branches, edits, messages, sessions, summaries
from chat.conversation.sessions import NewSession, Seen
from chat.policy import Allowance, Allowances
from chat.process import Timing
from chat.refusals import ModelFailed, NotAllowed, NotFound, QuotaExceeded
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import summarizer
from chat.scope import Scope
from db.models import MemberRole, Message
from llm.errors import ModelError, ModelErrorCode
from llm.events import FinishReason
from llm.scripted import ScriptedModel
from llm.turns import Text
from pubsub.redis import RedisBus
from sync.events import AccountEvent, SessionChanged
from sync.subscriber import Window
from tests.chat.conftest import head_of, join
from tests.conftest import QUICK, Server, viewer_of
from tests.organising.conftest import PATIENCE, windows
from tests.repeating.asking import ask
from tests.sync.talk import PATIENT

SUMMARIZE = """
    mutation ($id: ID!, $replace: Boolean! = false, $key: String) {
        summarizeSession(id: $id, replace: $replace, clientMutationId: $key) {
            __typename
            ... on SessionPayload { session { version summary { text messageId messageCount source } } }
            ... on UserError { reason }
            ... on ModelFailed { code }
            ... on InvalidInput { field }
        }
    }
"""
EDIT = """
    mutation ($id: ID!, $summary: String) { editSession(input: {id: $id, summary: $summary}) {
        ... on SessionPayload { session { version summary { text messageId messageCount source } } }
        ... on InvalidInput { field reason }
    } }
"""


async def talk(scope: Scope, *said: str) -> list[Message]:
    """What was said in a session."""
    session, _ = await sessions.create(scope, NewSession(title="Talk"))
    return [(await messages.post(scope, session.id, each)).message for each in said]


async def summarized(scope: Scope, model: ScriptedModel, session_id: UUID, text: str, **options: Any) -> Seen:
    """The session when the model has said this for a summary."""
    asked = asyncio.create_task(summarizer.summarize(scope, session_id, **options))
    await model.say(text, end=True)
    return await asked


async def summary_of(scope: Scope, session_id: UUID) -> Any:
    """The summary that there is."""
    (found,) = await sessions.of_ids(scope, [session_id])
    assert found is not None
    return found.summary


async def shown(window: Window[AccountEvent]) -> Any:
    """The first summary that a window is told."""
    async with asyncio.timeout(PATIENCE):
        async for event in window:
            if isinstance(event, SessionChanged) and event.row.summary is not None:
                return event.row.summary
    raise AssertionError("The window has ended.")


def told(model: ScriptedModel) -> str:
    """What the model was told the last time."""
    (turn,) = model.requests[-1].turns
    (part,) = turn.parts
    assert isinstance(part, Text)
    return part.text


async def test_every_window_of_every_member_sees_it(server: Server, model: ScriptedModel) -> None:
    """2-63."""
    async with server.process(produces=False, timing=PATIENT) as started:
        scope, other = await viewer_of(started), await viewer_of(started)
        first, last = await talk(scope, "What is a transom?", "And a mullion?")
        await join(other, first.session_id, MemberRole.READER)
        async with windows(scope, scope, other) as opened:
            session, _ = await summarized(scope, model, first.session_id, " About windows.\n")
            assert [await shown(window) for window in opened] == [session.summary] * 3
        assert await summary_of(other, first.session_id) == session.summary
    assert told(model) == "User: What is a transom?\n\nUser: And a mullion?"
    assert model.requests[0].instructions == summarizer.INSTRUCTIONS
    assert session.summary is not None
    assert session.summary.pop("at")
    assert session.summary == {
        "text": "About windows.",
        "messageId": str(last.id),
        "messageCount": 2,
        "source": "model",
    }


async def test_nobody_else_sees_it_or_has_one_written(scope: Scope, stranger: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    before = await head_of(stranger)
    await summarized(scope, model, said.session_id, "A greeting.")
    assert await head_of(stranger) == before
    assert await sessions.of_ids(stranger, [said.session_id]) == [None]
    with pytest.raises(NotFound):
        await summarizer.summarize(stranger, said.session_id)
    with pytest.raises(NotFound):
        await sessions.edit(stranger, said.session_id, summary="Mine")
    await join(stranger, said.session_id, MemberRole.READER)
    with pytest.raises(NotAllowed):
        await summarizer.summarize(stranger, said.session_id)
    with pytest.raises(NotAllowed):
        await sessions.edit(stranger, said.session_id, summary="Mine")
    assert len(model.requests) == 1


async def test_asking_again_with_the_key_does_not_ask_the_model_again(scope: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    id = str(said.session_id)
    asked = asyncio.create_task(ask(scope, SUMMARIZE, id=id, key="k"))
    await model.say("A greeting.", end=True)
    first, head = await asked, await head_of(scope)
    assert first["summarizeSession"] == {
        "__typename": "SessionPayload",
        "session": {
            "version": 1,
            "summary": {"text": "A greeting.", "messageId": str(said.id), "messageCount": 1, "source": "MODEL"},
        },
    }
    assert await ask(scope, SUMMARIZE, id=id, key="k") == first
    assert (await ask(scope, SUMMARIZE, id=id, key="k", replace=True))["summarizeSession"][
        "field"
    ] == "clientMutationId"
    assert (len(model.requests), await head_of(scope)) == (1, head)


async def test_of_two_at_once_with_one_key_one_is_stored(scope: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    scripts, before = [model.script(), model.script()], await head_of(scope)
    both = [asyncio.create_task(ask(scope, SUMMARIZE, id=str(said.session_id), key="k")) for _ in scripts]
    await model.until_asked(2)
    await scripts[1].say("The second.", end=True)
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    await scripts[0].say("The first.", end=True)
    one, other = await asyncio.gather(*both)
    assert one == other
    assert one["summarizeSession"]["session"]["summary"]["text"] == "The second."
    assert await head_of(scope) == before + 1


async def test_nothing_waits_while_the_model_writes(scope: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    asked = asyncio.create_task(summarizer.summarize(scope, said.session_id))
    await model.say("A gree")
    async with asyncio.timeout(PATIENCE):
        await sessions.edit(scope, said.session_id, title="Other")
        await messages.post(scope, said.session_id, "And more")
    await model.say("ting.", end=True)
    session, _ = await asked
    assert session.title == "Other"
    assert session.summary is not None
    assert (session.summary["text"], session.summary["messageCount"]) == ("A greeting.", 1)


async def test_a_person_writes_and_takes_it_away(scope: Scope) -> None:
    _, last = await talk(scope, "Hi", "Well?")
    id = str(last.session_id)
    done = await ask(scope, EDIT, id=id, summary="  A greeting. ")
    assert done["editSession"]["session"] == {
        "version": 2,
        "summary": {"text": "A greeting.", "messageId": str(last.id), "messageCount": 2, "source": "PERSON"},
    }
    refused = await ask(scope, EDIT, id=id, summary="x" * (summaries.LENGTH + 1))
    assert refused["editSession"] == {
        "field": "summary",
        "reason": "It has at most 10,000 characters; this one has 10,001.",
    }
    assert (await ask(scope, EDIT, id=id))["editSession"] == done["editSession"], "What is left out stays."
    gone = await ask(scope, EDIT, id=id, summary=" ")
    assert gone["editSession"]["session"] == {"version": 3, "summary": None}
    empty, _ = await sessions.create(scope, NewSession())
    early = await ask(scope, EDIT, id=str(empty.id), summary="To come")
    assert early["editSession"]["session"]["summary"] == {
        "text": "To come", "messageId": None, "messageCount": 0, "source": "PERSON",
    }  # fmt: skip


async def test_a_persons_is_replaced_only_on_request(scope: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    await sessions.edit(scope, said.session_id, summary="Mine")
    refused = await ask(scope, SUMMARIZE, id=str(said.session_id))
    assert refused["summarizeSession"] == {
        "__typename": "NotAllowed",
        "reason": "A person wrote the summary that there is. Edit it, or ask with `replace: true`.",
    }
    assert not model.requests
    session, _ = await summarized(scope, model, said.session_id, "A greeting.", replace=True)
    assert session.summary is not None
    assert (session.summary["text"], session.summary["source"]) == ("A greeting.", "model")


@pytest.mark.parametrize("replace_", [False, True])
async def test_what_a_person_writes_meanwhile_stays(scope: Scope, model: ScriptedModel, replace_: bool) -> None:
    (said,) = await talk(scope, "Hi")
    asked = asyncio.create_task(summarizer.summarize(scope, said.session_id, replace=replace_))
    await model.until_asked()
    await sessions.edit(scope, said.session_id, summary="Mine")
    await model.say("A greeting.", end=True)
    with pytest.raises(NotAllowed, match="A person wrote a summary while the model did"):
        await asked
    assert (await summary_of(scope, said.session_id))["text"] == "Mine"


async def test_a_late_summary_does_not_revive_a_deleted_session(scope: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    asked = asyncio.create_task(summarizer.summarize(scope, said.session_id))
    await model.until_asked()
    await sessions.delete(scope, said.session_id)
    before = await head_of(scope)
    await model.say("A greeting.", end=True)
    with pytest.raises(NotFound):
        await asked
    assert await sessions.get(scope, said.session_id) is None
    assert await head_of(scope) == before


async def test_a_model_that_fails_is_a_refusal_and_nothing_is_stored(scope: Scope, model: ScriptedModel) -> None:
    (said,) = await talk(scope, "Hi")
    id, before = str(said.session_id), await head_of(scope)
    failing = asyncio.create_task(ask(scope, SUMMARIZE, id=id, key="k"))
    await model.fail(ModelError("Not today.", ModelErrorCode.RATE_LIMITED))
    assert (await failing)["summarizeSession"] == {
        "__typename": "ModelFailed",
        "code": "RATE_LIMITED",
        "reason": "Not today.",
    }
    silent = asyncio.create_task(ask(scope, SUMMARIZE, id=id, key="k"))
    await model.say(" ", end=True)
    assert (await silent)["summarizeSession"] == {
        "__typename": "ModelFailed",
        "code": "PROVIDER_FAILED",
        "reason": "The model wrote no summary. Try again.",
    }
    assert (await summary_of(scope, said.session_id), await head_of(scope)) == (None, before)
    again = asyncio.create_task(ask(scope, SUMMARIZE, id=id, key="k"))
    await model.say("A greeting.", end=True)
    assert (await again)["summarizeSession"]["__typename"] == "SessionPayload"


async def test_a_model_that_takes_too_long_is_not_waited_for(server: Server, model: ScriptedModel) -> None:
    async with server.process(produces=False, timing=replace(QUICK, summary=0.1)) as started:
        scope = await viewer_of(started)
        (said,) = await talk(scope, "Hi")
        refused = await ask(scope, SUMMARIZE, id=str(said.session_id))
        assert refused["summarizeSession"] == {
            "__typename": "ModelFailed",
            "code": "TIMED_OUT",
            "reason": "The model took longer than 0.1 seconds for a summary. Try again later.",
        }
        assert model.stopped == 1
        assert await summary_of(scope, said.session_id) is None
    assert Timing().summary < 30, "An operation may take that long."


async def test_where_nothing_is_said_there_is_nothing_to_summarise(scope: Scope, model: ScriptedModel) -> None:
    session, _ = await sessions.create(scope, NewSession())
    refused = await ask(scope, SUMMARIZE, id=str(session.id))
    assert (refused["summarizeSession"]["__typename"], refused["summarizeSession"]["field"]) == ("InvalidInput", "id")
    assert not model.requests


async def test_it_is_of_the_branch_that_the_viewer_sees(scope: Scope, model: ScriptedModel) -> None:
    first, second = await talk(scope, "One", "Two")
    await edits.edit(scope, second.id, "Two otherwise", when_busy=None)
    await summarized(scope, model, first.session_id, "Counting.")
    assert told(model) == "User: One\n\nUser: Two otherwise"
    await branches.choose(scope, first.session_id, second.id)
    session, _ = await summarized(scope, model, first.session_id, "Counting.")
    assert told(model) == "User: One\n\nUser: Two"
    assert session.summary is not None
    assert session.summary["messageId"] == str(second.id)


async def test_of_a_long_conversation_the_newest_part_and_the_earlier_summary_are_told(
    scope: Scope, model: ScriptedModel
) -> None:
    long = "x" * 1_480
    first, *_ = await talk(scope, "Long ago", long, long, "Now")
    await summarized(scope, model, first.session_id, "Long ago it was said.")
    await messages.post(scope, first.session_id, "And later")
    whole, part = model.script(), model.script()
    asked = asyncio.create_task(summarizer.summarize(scope, first.session_id))
    await whole.fail(ModelError("Too long.", ModelErrorCode.TOO_LONG))
    await part.say("All of it.", end=True)
    session, _ = await asked
    assert told(model) == (
        f"Summary of what was said before: Long ago it was said.\n\nUser: {long}\n\nUser: {long}\n\nUser: Now\n\n"
        "User: And later"
    )
    assert session.summary is not None
    assert (session.summary["text"], session.summary["messageCount"]) == ("All of it.", 5)


async def test_what_is_deleted_is_in_no_summary_of_the_models(scope: Scope, model: ScriptedModel) -> None:
    first, second = await talk(scope, "Public", "Secret")
    await summarized(scope, model, first.session_id, "A secret.")
    await deletions.delete(scope, first.session_id, second.id, DeletionScope.MESSAGE)
    assert await summary_of(scope, first.session_id) is None
    await deletions.restore(scope, first.session_id, second.id, DeletionScope.MESSAGE)
    asked = asyncio.create_task(summarizer.summarize(scope, first.session_id))
    await model.until_asked(2)
    await deletions.delete(scope, first.session_id, second.id, DeletionScope.MESSAGE)
    await model.say("A secret.", end=True)
    with pytest.raises(NotAllowed, match="Messages were deleted"):
        await asked
    await sessions.edit(scope, first.session_id, summary="Mine")
    await deletions.delete(scope, first.session_id, first.id, DeletionScope.MESSAGE)
    assert await summary_of(scope, first.session_id) is None, "Nothing is left that it could be about."


async def test_a_persons_summary_outlives_a_deleted_message(scope: Scope) -> None:
    first, second = await talk(scope, "One", "Two")
    await sessions.edit(scope, first.session_id, summary="Mine")
    await deletions.delete(scope, first.session_id, second.id, DeletionScope.MESSAGE)
    assert (await summary_of(scope, first.session_id))["text"] == "Mine"
    await deletions.clear(scope, first.session_id)
    assert await summary_of(scope, first.session_id) is None


async def test_it_counts_as_asking_for_a_reply(server: Server, model: ScriptedModel) -> None:
    """1-57."""
    async with (
        RedisBus(server.redis, namespace=f"test-{id(server.db)}") as bus,
        runtime.running(
            server.db, bus, server.models, timing=QUICK, produces=False, allowances=Allowances(Allowance(active_runs=1))
        ) as started,
    ):
        scope = await viewer_of(started)
        sent = await messages.send(scope, NewSession(), "Hi")
        with pytest.raises(QuotaExceeded):
            await summarizer.summarize(scope, sent.message.session_id)
        assert not model.requests


async def test_thoughts_are_no_summary_and_half_a_summary_is_none(scope: Scope, model: ScriptedModel) -> None:
    (message,) = await talk(scope, "Hello.")
    seen = await summarized(scope, model, message.session_id, "<think>\nHm.\n</think>\n\nA greeting.")
    assert seen[0].summary is not None
    assert seen[0].summary["text"] == "A greeting."
    asked = asyncio.create_task(summarizer.summarize(scope, message.session_id))
    await model.say("A greeting, and then")
    await model.finish(finish_reason=FinishReason.LENGTH)
    with pytest.raises(ModelFailed, match="cut off"):
        await asked
