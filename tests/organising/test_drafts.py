"""Drafts: taken away by what is sent of them, in the same step, and not brought back by a save that comes late."""

from uuid import UUID, uuid4

import pytest

from chat.conversation import edits, memberships, messages, sessions
from chat.conversation.drafts import LATE, After
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.refusals import Busy
from chat.scope import Scope
from db.models import MemberRole, Message
from tests.branching.conversations import say
from tests.chat.conftest import head_of, join
from tests.organising.conftest import shows, windows
from tests.repeating.asking import ask
from tests.sync.talk import execute

SENT = """
    mutation ($id: ID, $session: ID!, $text: String!) {
        sendMessage(input: { id: $id, sessionId: $session, text: $text, reply: false }) {
            ... on SendMessagePayload { session { draft lastSentId unread } message { id } }
        }
    }
"""


async def draft(scope: Scope, session_id: UUID) -> str | None:
    """What the viewer is about to say."""
    (seen,) = await sessions.of_ids(scope, [session_id])
    assert seen is not None
    return seen.draft


async def begun(scope: Scope, text: str) -> Message:
    """A message, in a session of its own, with a draft after it."""
    first = await say(scope, NewSession(title="Talk"), "Hello")
    await memberships.save_draft(scope, first.session_id, text, after=After(first.id))
    return first


async def test_what_is_sent_is_no_draft_any_more_in_every_window(patient: Scope, elsewhere: Scope) -> None:
    session_id = (await begun(patient, "How are you?")).session_id
    async with windows(patient, elsewhere) as both:
        sent = await messages.send(patient, session_id, "How are you?")
        assert sent.seen[1].draft is None
        for window in both:
            await shows(window, session_id, lambda seen: seen.draft is None and seen.last_sent_id == sent.message.id)
        assert await draft(elsewhere, session_id) is None


async def test_the_answer_says_what_is_stored(scope: Scope) -> None:
    session_id = (await begun(scope, "How")).session_id
    await memberships.mark_unread(scope, session_id)
    answer = (await ask(scope, SENT, session=str(session_id), text="How are you?"))["sendMessage"]
    assert answer["session"] == {"draft": None, "lastSentId": answer["message"]["id"], "unread": False}


async def test_only_the_senders_own_draft_of_that_session_goes(scope: Scope, stranger: Scope) -> None:
    session_id = (await begun(scope, "Mine")).session_id
    other = (await begun(scope, "Elsewhere")).session_id
    await join(stranger, session_id, MemberRole.WRITER)
    await memberships.save_draft(stranger, session_id, "Theirs")
    await messages.post(scope, session_id, "Mine")
    assert [await draft(scope, each) for each in (session_id, other)] == [None, "Elsewhere"]
    assert await draft(stranger, session_id) == "Theirs"


async def test_what_is_refused_takes_no_draft_and_an_edit_neither(scope: Scope) -> None:
    first = await begun(scope, "How are you?")
    await messages.send(scope, first.session_id, "Well?")
    await memberships.save_draft(scope, first.session_id, "How are you?")
    with pytest.raises(Busy):
        await messages.send(scope, first.session_id, "How are you?", when_busy=WhenBusy.REJECT)
    assert await draft(scope, first.session_id) == "How are you?"
    await edits.edit(scope, first.id, "Good day", when_busy=None)
    assert await draft(scope, first.session_id) == "How are you?"
    late = After((await sessions.of_ids(scope, [first.session_id]))[0].last_sent_id)  # type: ignore[union-attr]
    await memberships.save_draft(scope, first.session_id, "How are you today?", after=late)
    assert await draft(scope, first.session_id) == "How are you today?", "The edit was not sent from it."


async def test_a_message_that_is_sent_again_takes_no_later_draft(scope: Scope) -> None:
    session_id, message_id = (await begun(scope, "How are you?")).session_id, uuid4()
    await messages.post(scope, session_id, "How are you?", message_id=message_id)
    await memberships.save_draft(scope, session_id, "And then?", after=After(message_id))
    await messages.post(scope, session_id, "How are you?", message_id=message_id)
    assert await draft(scope, session_id) == "And then?"


async def test_a_late_save_of_another_window_brings_nothing_back(scope: Scope) -> None:
    """It says what its text comes after, which is not what was sent last any more."""
    first = await begun(scope, "How")
    await messages.post(scope, first.session_id, "How are you?")
    before = await head_of(scope)
    for text in ("How", "How are you", "Something else", "  "):
        session, member = await memberships.save_draft(scope, first.session_id, text, after=After(first.id))
        assert (session.id, member.draft) == (first.session_id, None)
    await memberships.save_draft(scope, first.session_id, "How", after=After(None))
    assert await draft(scope, first.session_id) is None
    assert await head_of(scope) == before, "Nobody is told of what did not happen."


async def test_a_late_emptying_does_not_take_what_was_begun_since(scope: Scope) -> None:
    first = await begun(scope, "How are you?")
    sent = await say(scope, first.session_id, "How are you?")
    await memberships.save_draft(scope, first.session_id, "And then?", after=After(sent.id))
    await memberships.save_draft(scope, first.session_id, "", after=After(first.id))
    assert await draft(scope, first.session_id) == "And then?"


async def test_a_save_that_says_nothing_is_late_if_it_is_what_was_sent_or_just_now_its_beginning(scope: Scope) -> None:
    session_id = (await begun(scope, "How")).session_id
    await messages.post(scope, session_id, "How are you?")
    for text in ("How", "How are you?", "How are you?\n"):
        await memberships.save_draft(scope, session_id, text)
        assert await draft(scope, session_id) is None
    await memberships.save_draft(scope, session_id, "How old are you?")
    assert await draft(scope, session_id) == "How old are you?"
    await execute(scope, "UPDATE messages SET created_at = created_at - CAST(:late AS interval)", late=LATE)
    await memberships.save_draft(scope, session_id, "How")
    assert await draft(scope, session_id) == "How"
    await memberships.save_draft(scope, session_id, "How are you?")
    assert await draft(scope, session_id) == "How"


async def test_a_draft_that_comes_after_a_message_may_be_quicker(scope: Scope) -> None:
    session_id, message_id = (await begun(scope, "How are you?")).session_id, uuid4()
    await memberships.save_draft(scope, session_id, "And then?", after=After(message_id))
    sent = await messages.post(scope, session_id, "How are you?", message_id=message_id)
    assert sent.seen[1].draft == await draft(scope, session_id) == "And then?"
    await messages.post(scope, session_id, "And then?")
    assert await draft(scope, session_id) is None


BATCH = """
    mutation ($operations: [BatchOperation!]!) {
        applyBatch(operations: $operations) { ... on ApplyBatchPayload { receipts { status } } }
    }
"""


async def test_what_was_written_offline_is_a_draft_after_what_was_sent_offline(scope: Scope) -> None:
    """In the order of the queue, however often it arrives, and whether or not the windows say what a text follows."""
    session_id = (await begun(scope, "Fir")).session_id
    entries, last = [], None
    for text in ("First", "Second"):
        last = str(uuid4())
        entries += [
            {"saveDraft": {"id": str(session_id), "text": text}},
            {"sendMessage": {"id": last, "sessionId": str(session_id), "text": text, "reply": False}},
        ]
    entries.append({"saveDraft": {"id": str(session_id), "text": "Third", "lastSentId": last}})
    operations = [{"clientMutationId": str(uuid4()), "do": entry} for entry in entries]
    for status in ("APPLIED", "DUPLICATE"):
        receipts = (await ask(scope, BATCH, operations=operations))["applyBatch"]["receipts"]
        assert [each["status"] for each in receipts] == [status] * len(entries)
        assert await draft(scope, session_id) == "Third"


async def test_a_message_of_somebody_else_counts_as_one_that_nobody_knows(scope: Scope, stranger: Scope) -> None:
    first, other = await begun(scope, "How"), await begun(scope, "Elsewhere")
    await join(stranger, first.session_id, MemberRole.WRITER)
    theirs = await say(stranger, first.session_id, "Hi")
    for message_id in (uuid4(), theirs.id, other.id):
        await memberships.save_draft(scope, first.session_id, f"After {message_id}", after=After(message_id))
        assert await draft(scope, first.session_id) == f"After {message_id}"
