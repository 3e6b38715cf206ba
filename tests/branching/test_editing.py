"""Messages said otherwise: on a branch beside what was said, or in its place."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
import pytest

from chat.conversation import branches, edits, messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, MessageConflict, NotAllowed, NotFound
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import queues
from chat.scope import Scope
from db.models import Json, MemberRole, Message, MessageStatus
from sync import parts
from tests.branching.conversations import say, shown, tell
from tests.chat.conftest import answer, head_of, join
from tests.conftest import Server, viewer_of
from tests.repeating.asking import ask
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, at, execute

EDIT = """
    mutation ($message: ID!, $text: String!, $id: ID, $key: String) {
        editMessage(input: {messageId: $message, text: $text, id: $id}, clientMutationId: $key) {
            __typename
            ... on SendMessagePayload {
                session { leafId } message { id parentId } reply { id parentId } run { status }
            }
            ... on NotFound { what }
            ... on InvalidInput { field }
        }
    }
"""
REVISE = """
    mutation ($id: ID!, $text: String, $version: Int, $key: String) {
        reviseMessage(input: {id: $id, text: $text, expectedVersion: $version}, clientMutationId: $key) {
            __typename
            ... on MessagePayload { message { content version } }
            ... on NotFound { what }
            ... on MessageConflict { reason current { content version } }
        }
    }
"""
REVISIONS = """
    query ($id: ID!, $first: Int! = 20, $before: Int) {
        message(id: $id) {
            content version
            revisions(first: $first, before: $before) { version content parts { index } replacedById replacedAt }
        }
    }
"""


async def edit(scope: Scope, message: Message, text: str, **more: str) -> dict[str, Any]:
    answered: dict[str, Any] = (await ask(scope, EDIT, message=str(message.id), text=text, **more))["editMessage"]
    return answered


async def revise(scope: Scope, message: Message, text: str, **more: Any) -> dict[str, Any]:
    answered: dict[str, Any] = (await ask(scope, REVISE, id=str(message.id), text=text, **more))["reviseMessage"]
    return answered


async def put(scope: Scope, message: Message, whole: Sequence[Json], role: str = "user") -> None:
    """Gives a message parts that this test needs."""
    stored = orjson.dumps(whole).decode()
    change = "UPDATE messages SET parts = CAST(:parts AS jsonb), role = :role WHERE id = :id"
    await execute(scope, change, parts=stored, role=role, id=message.id)


async def exchange(scope: Scope, text: str = "Hi", reply: str = "Hello") -> Exchange:
    """A question and its answer."""
    sent = await messages.send(scope, NewSession(title="Talk"), text)
    await answer(scope, sent.run, reply)
    return sent


async def test_an_edited_message_stands_beside_the_first_is_answered_and_is_what_the_viewer_sees(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    done = await edit(scope, talk["B"], "b")
    assert (done["__typename"], done["message"]["parentId"]) == ("SendMessagePayload", str(talk["A"].id))
    assert (done["reply"]["parentId"], done["run"]["status"]) == (done["message"]["id"], "QUEUED")
    assert done["session"]["leafId"] == done["reply"]["id"]
    assert await shown(scope, session_id) == "Ab"
    assert await shown(scope, session_id, talk["C"].id) == "ABC"


async def test_the_first_message_of_a_conversation_can_be_edited_too(scope: Scope) -> None:
    talk = await tell(scope)
    done = await edit(scope, talk["A"], "a")
    assert done["message"]["parentId"] is None
    assert await shown(scope, talk["A"].session_id) == "a"


async def test_what_is_not_text_stays_with_an_edited_message(scope: Scope) -> None:
    file = {"kind": "file", "url": "https://example.org/a.png", "mediaType": "image/png", "name": "a.png"}
    sent = await messages.post(scope, NewSession(), "See this", metadata={"stage": 1})
    await put(scope, sent.message, [file, parts.text("See this")])
    posted = await edits.edit(scope, sent.message.id, "Look", when_busy=None)
    assert not isinstance(posted, Exchange)
    assert (posted.message.parts, posted.message.meta) == ([parts.text("Look"), file], {"stage": 1})


async def test_only_what_a_person_said_is_edited(scope: Scope) -> None:
    sent = await exchange(scope)
    assert await edit(scope, sent.reply, "Better") == {"__typename": "InvalidInput", "field": "messageId"}


async def test_an_edit_happens_once(scope: Scope) -> None:
    talk = await tell(scope)
    new_id = str(uuid4())
    first = await edit(scope, talk["B"], "b", id=new_id)
    assert first["message"]["id"] == new_id
    assert await edit(scope, talk["B"], "b", id=new_id) == first
    keyed = [await edit(scope, talk["B"], "c", key="k") for _ in range(2)]
    assert keyed[0] == keyed[1]
    (family,) = await branches.siblings(scope, [(talk["B"].session_id, talk["B"].parent_id)])
    assert len(family) == 4


async def test_a_stranger_edits_and_revises_nothing(scope: Scope, stranger: Scope) -> None:
    """1-23."""
    talk = await tell(scope)
    head = await head_of(scope)
    nothing = {"__typename": "NotFound", "what": "message"}
    assert await edit(stranger, talk["B"], "b") == nothing
    assert await revise(stranger, talk["B"], "b") == nothing
    assert (await ask(stranger, REVISIONS, id=str(talk["B"].id)))["message"] is None
    assert (await head_of(scope), await head_of(stranger)) == (head, 0)


async def test_a_revised_message_keeps_how_it_was_with_when_and_by_whom(scope: Scope) -> None:
    """2-4, 2-54."""
    message = await say(scope, NewSession(title="Talk"), "One")
    for text in ("Two", "Three"):
        await revise(scope, message, text)
    found = (await ask(scope, REVISIONS, id=str(message.id)))["message"]
    assert (found["content"], found["version"]) == ("Three", 3)
    replaced = [each.pop("replacedAt") for each in found["revisions"]]
    assert message.created_at.isoformat() < replaced[1] < replaced[0]
    me = str(scope.viewer.id)
    assert found["revisions"] == [
        {"version": 2, "content": "Two", "parts": [{"index": 0}], "replacedById": me},
        {"version": 1, "content": "One", "parts": [{"index": 0}], "replacedById": me},
    ]
    older = (await ask(scope, REVISIONS, id=str(message.id), first=1, before=2))["message"]["revisions"]
    assert [each["content"] for each in older] == ["One"]


async def test_every_window_hears_of_a_revision_and_the_session_says_it_too(server: Server) -> None:
    async with (
        server.process(produces=False, timing=PATIENT) as here,
        server.process(produces=False, timing=PATIENT) as there,
    ):
        scope = await viewer_of(here)
        message = await say(scope, NewSession(), "One")
        async with (
            watching(scope, message.session_id) as first,
            watching(at(scope, there), message.session_id) as second,
            asyncio.timeout(20),
        ):
            await edits.revise(scope, message.id, text="Two")
            for window in (first, second):
                await window.reads(message.id, "Two")
            await agree(scope, message.session_id, first, second)
        seen = await sessions.get(scope, message.session_id)
        assert seen is not None
        assert (seen[0].title, seen[0].last_message_preview) == ("Two", "Two")


async def test_a_revision_of_another_version_is_refused_and_shows_the_message_as_it_is(scope: Scope) -> None:
    message = await say(scope, NewSession(), "One")
    await revise(scope, message, "Two", version=1)
    assert await revise(scope, message, "Mine", version=1) == {
        "__typename": "MessageConflict",
        "reason": "It was revised since: it has version 2 now. Look at it and try again.",
        "current": {"content": "Two", "version": 2},
    }
    assert (await revise(scope, message, "Mine", version=2))["message"] == {"content": "Mine", "version": 3}


async def test_of_simultaneous_revisions_of_one_version_one_counts(scope: Scope) -> None:
    message = await say(scope, NewSession(), "One")
    tried = [edits.revise(scope, message.id, text=text, expected_version=1) for text in "abcd"]
    results = await asyncio.gather(*tried, return_exceptions=True)
    assert sum(isinstance(result, MessageConflict) for result in results) == 3
    (now,) = await messages.of_ids(scope, [message.id])
    assert now is not None
    assert (now.version, now.content) == next((row.version, row.content) for row in results if isinstance(row, Message))


async def test_a_revision_happens_once(scope: Scope) -> None:
    message = await say(scope, NewSession(), "One")
    first = await revise(scope, message, "Two", key="k")
    await revise(scope, message, "Three")
    assert (await revise(scope, message, "Two", key="k"))["message"] == {"content": "Three", "version": 3}
    assert first["message"] == {"content": "Two", "version": 2}


async def test_a_persons_words_are_theirs_to_revise_and_replies_are_for_all_who_write(
    scope: Scope, stranger: Scope
) -> None:
    sent = await exchange(scope)
    await join(stranger, sent.message.session_id, MemberRole.WRITER)
    with pytest.raises(NotAllowed, match="editMessage"):
        await edits.revise(stranger, sent.message.id, text="Bye")
    assert (await edits.revise(stranger, sent.reply.id, text="Hi!")).content == "Hi!"


async def test_who_may_only_read_revises_nothing(scope: Scope, stranger: Scope) -> None:
    sent = await exchange(scope)
    await join(stranger, sent.message.session_id, MemberRole.READER)
    with pytest.raises(NotAllowed, match="not write"):
        await edits.revise(stranger, sent.reply.id, text="Hi!")
    with pytest.raises(NotAllowed, match="not write"):
        await edits.edit(stranger, sent.message.id, "Hi!")


@pytest.mark.parametrize("status", [MessageStatus.PENDING, MessageStatus.STREAMING])
async def test_what_is_being_written_is_not_revised(scope: Scope, status: MessageStatus) -> None:
    sent = await messages.send(scope, NewSession(), "Hi")
    await execute(scope, "UPDATE messages SET status = :status WHERE id = :id", status=status.value, id=sent.reply.id)
    with pytest.raises(InvalidInput, match="being written"):
        await edits.revise(scope, sent.reply.id, text="Mine")


async def test_new_text_takes_the_place_of_the_last_and_the_rest_stays(scope: Scope) -> None:
    call: Json = {"kind": "toolCall", "id": "c", "name": "look", "text": "{}"}
    result: Json = {"kind": "toolResult", "callId": "c", "name": "look", "text": "42", "isError": False}
    message = await say(scope, NewSession(), "x")
    await put(scope, message, [parts.text("I look."), call, result, parts.text("It is 42.")], role="assistant")
    revised = await edits.revise(scope, message.id, text="Forty-two.", metadata={"by": "hand"})
    assert (revised.parts, revised.content) == ([call, result, parts.text("Forty-two.")], "Forty-two.")
    assert parts.reworded([call, result], "Done") == [call, result, parts.text("Done")]
    kept = await edits.revise(scope, message.id, metadata={})
    assert (kept.content, kept.meta, kept.version) == ("Forty-two.", {}, 3)


async def test_a_message_that_is_changed_in_the_queue_is_revised(scope: Scope) -> None:
    waiting = await messages.send(scope, NewSession(), "One")
    message, _ = await queues.edit(scope, waiting.run.id, "Two")
    assert (message.content, message.version) == ("Two", 2)
    found = (await ask(scope, REVISIONS, id=str(message.id)))["message"]["revisions"]
    assert [each["content"] for each in found] == ["One"]


async def test_what_is_gone_is_not_edited(scope: Scope) -> None:
    message = await say(scope, NewSession(), "One")
    await sessions.delete(scope, message.session_id)
    for attempt in (edits.edit(scope, message.id, "x"), edits.revise(scope, message.id, text="x")):
        with pytest.raises(NotFound):
            await attempt


REPLY = """
    mutation ($message: ID!, $key: String) {
        replyToMessage(id: $message, clientMutationId: $key) {
            __typename
            ... on AskAgainPayload { session { leafId } reply { id parentId siblings { index count } } run { status } }
            ... on NotFound { what }
            ... on InvalidInput { field }
        }
    }
"""


async def reply(scope: Scope, message: Message, key: str | None = None) -> dict[str, Any]:
    answered: dict[str, Any] = (await ask(scope, REPLY, message=str(message.id), key=key))["replyToMessage"]
    return answered


async def test_a_message_is_answered_and_answered_anew(scope: Scope, stranger: Scope) -> None:
    message = await say(scope, NewSession(), "Hi")
    for index in range(2):
        done = await reply(scope, message)
        assert (done["reply"]["parentId"], done["run"]["status"]) == (str(message.id), "QUEUED")
        assert done["reply"]["siblings"] == {"index": index, "count": index + 1}
        assert done["session"]["leafId"] == done["reply"]["id"]
    assert await reply(scope, message, "k") == await reply(scope, message, "k")
    assert await reply(stranger, message) == {"__typename": "NotFound", "what": "message"}
    (family,) = await branches.siblings(scope, [(message.session_id, message.id)])
    assert len(family) == 3


async def test_a_reply_is_not_replied_to(scope: Scope) -> None:
    sent = await exchange(scope)
    assert await reply(scope, sent.reply) == {"__typename": "InvalidInput", "field": "id"}


async def test_what_a_deleted_message_said_before_is_shown_no_more(scope: Scope) -> None:
    talk = await tell(scope)
    await revise(scope, talk["B"], "b")
    await deletions.delete(scope, talk["B"].session_id, talk["B"].id, DeletionScope.MESSAGE)
    found = (await ask(scope, REVISIONS, id=str(talk["B"].id)))["message"]
    assert (found["content"], found["revisions"]) == ("", [])
    assert await edit(scope, talk["B"], "x") == await revise(scope, talk["B"], "x")
    assert await reply(scope, talk["B"]) == {"__typename": "NotFound", "what": "message"}
