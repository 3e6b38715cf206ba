"""Sending a message: stored at once, once, whole or not at all."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from chat.conversation import messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.refusals import IdTaken, InvalidInput, NotAllowed, NotFound
from chat.scope import Scope, Viewer
from db.listing import Filter
from db.models import MemberRole, Membership, MessageRole, MessageStatus, RunStatus, TitleSource
from db.page import Span
from tests.chat.conftest import head_of, join


async def texts(scope: Scope, session_id: UUID) -> list[str]:
    """The messages on the path that the viewer sees."""
    page, _ = await messages.page(scope, session_id, Span(100))
    return [message.content for message in page.rows]


async def untouched(scope: Scope) -> bool:
    """Whether the viewer has nothing at all."""
    return (await sessions.count(scope, Filter()), await head_of(scope)) == (0, 0)


async def test_the_first_message_of_a_new_session_is_one_call(scope: Scope) -> None:
    """0-48, 1-4, 1-5, 3-22, 3-23."""
    sent = await messages.send(scope, NewSession(), "Hi there")
    session, _ = sent.seen
    assert (session.title, session.message_count, session.last_message_preview) == ("Hi there", 2, "Hi there")
    assert (sent.message.role, sent.message.status, sent.message.content) == (
        MessageRole.USER,
        MessageStatus.COMPLETE,
        "Hi there",
    )
    assert (sent.reply.role, sent.reply.status, sent.reply.content) == (
        MessageRole.ASSISTANT,
        MessageStatus.PENDING,
        "",
    )
    assert (sent.run.status, sent.run.message_id) == (RunStatus.QUEUED, sent.reply.id)


async def test_a_message_keeps_what_it_came_with(scope: Scope) -> None:
    """0-5, 0-9, 0-73."""
    window = Scope(Viewer(scope.viewer.id, client="window-1"), scope.process)
    written = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    sent = await messages.send(window, NewSession(), "Hi", metadata={"stage": 1}, client_created_at=written)
    (message,) = await messages.of_ids(scope, [sent.message.id])
    assert message is not None
    assert (message.meta, message.client_created_at, message.origin) == ({"stage": 1}, written, "window-1")
    assert (message.author_id, message.parts) == (scope.viewer.id, [{"kind": "text", "text": "Hi"}])


async def test_messages_follow_each_other_on_one_path(scope: Scope) -> None:
    """0-15, 0-51, 1-30, 3-15."""
    first = await messages.send(scope, NewSession(), "one")
    second = await messages.send(scope, first.message.session_id, "two")
    assert (first.message.parent_id, first.reply.parent_id) == (None, first.message.id)
    assert (second.message.parent_id, second.reply.parent_id) == (first.reply.id, second.message.id)
    assert await texts(scope, first.message.session_id) == ["one", "", "two", ""]
    numbers = [row.seq for row in (first.message, first.reply, first.run, second.message, second.reply, second.run)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    session = second.seen[0]
    assert (session.head, session.message_count, session.last_message_preview) == (6, 4, "two")


async def test_each_message_is_the_newest_activity(scope: Scope) -> None:
    """1-5, 3-20."""
    first = await messages.send(scope, NewSession(), "one")
    second = await messages.send(scope, first.message.session_id, "two\n\n three " + "x" * 300)
    found = await sessions.get(scope, first.message.session_id)
    assert found is not None
    session, member = found
    assert first.seen[0].created_at < session.last_activity_at == member.last_activity_at
    assert (session.title, session.title_source) == ("one", TitleSource.FIRST_WORDS)
    assert session.last_message_preview == "two three " + "x" * 189 + "…"
    assert second.seen[0].last_activity_at == session.last_activity_at


async def test_a_message_with_an_id_is_stored_once(scope: Scope) -> None:
    """0-52, 0-63."""
    id = uuid4()
    first = await messages.send(scope, NewSession(), "Hi", message_id=id)
    session_id, before = first.message.session_id, await head_of(scope)
    for to in (session_id, NewSession(), NewSession(id=session_id)):
        again = await messages.send(scope, to, "Hi", message_id=id)
        assert (again.message.id, again.reply.id, again.run.id) == (id, first.reply.id, first.run.id)
        assert again.seen[0].id == session_id
    assert (await texts(scope, session_id), await head_of(scope)) == (["Hi", ""], before)
    assert await sessions.count(scope, Filter()) == 1


@pytest.mark.parametrize("new", [True, False])
async def test_a_message_that_is_sent_several_times_at_once_is_stored_once(scope: Scope, *, new: bool) -> None:
    """0-52, 0-63, 1-63e."""
    id = uuid4()
    to = NewSession() if new else (await sessions.create(scope, NewSession()))[0].id
    sent = await asyncio.gather(*(messages.send(scope, to, "Hi", message_id=id) for _ in range(5)))
    assert len({(each.message.session_id, each.message.id, each.reply.id, each.run.id) for each in sent}) == 1
    assert await texts(scope, sent[0].message.session_id) == ["Hi", ""]
    assert await sessions.count(scope, Filter()) == 1


async def test_the_first_messages_of_a_session_may_come_at_once(scope: Scope) -> None:
    """0-63, 0-66: each of them says that the session is new, and none is lost."""
    new = NewSession(id=uuid4())
    sent = await asyncio.gather(*(messages.send(scope, new, f"{number}", message_id=uuid4()) for number in range(4)))
    assert {each.message.session_id for each in sent} == {new.id}
    assert new.id is not None
    assert sorted(text for text in await texts(scope, new.id) if text) == ["0", "1", "2", "3"]
    assert await sessions.count(scope, Filter()) == 1


async def test_messages_that_are_sent_at_once_all_find_their_place(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    sent = await asyncio.gather(*(messages.send(scope, session.id, f"{number}") for number in range(6)))
    page, _ = await messages.page(scope, session.id, Span(100))
    assert [message.depth for message in page.rows] == list(range(12))
    assert [message.seq for message in page.rows if message.role is MessageRole.USER] == [1, 4, 7, 10, 13, 16]
    assert {message.content for message in page.rows} == {"", *(each.message.content for each in sent)}


@pytest.mark.parametrize("text", ["", "  \n", "x" * 200_001])
async def test_a_message_that_cannot_be_used_leaves_nothing_behind(scope: Scope, text: str) -> None:
    """1-60, 2-48, 3-24."""
    with pytest.raises(InvalidInput) as refused:
        await messages.send(scope, NewSession(), text)
    assert refused.value.field == "text"
    assert await untouched(scope)


@pytest.mark.parametrize(
    ("text", "stored"), [("a\0b", "a\ufffdb"), ("a\ud83d", "a\ufffd"), ("\ud83d\ude00", "😀"), ("é\r\n", "é\r\n")]
)
async def test_what_cannot_be_stored_of_a_text_is_replaced(scope: Scope, text: str, stored: str) -> None:
    """1-59, 2-51, 3-37."""
    sent = await messages.send(scope, NewSession(), text)
    assert await texts(scope, sent.message.session_id) == [stored, ""]


async def refused_all(scope: Scope, session_id: UUID, parent_id: UUID) -> bool:
    """Whether a parent is refused, for a session that is there and for a new one."""
    for to in (session_id, NewSession()):
        with pytest.raises(InvalidInput) as refused:
            await messages.send(scope, to, "Hi", parent_id=parent_id)
        assert refused.value.field == "parentId"
    return True


async def test_a_parent_in_another_session_is_refused(scope: Scope, stranger: Scope) -> None:
    """0-65."""
    here = await messages.send(scope, NewSession(), "here")
    there = await messages.send(scope, NewSession(), "there")
    theirs = await messages.send(stranger, NewSession(), "theirs")
    before = await head_of(scope)
    for parent_id in (there.reply.id, theirs.reply.id, uuid4()):
        assert await refused_all(scope, here.message.session_id, parent_id)
    assert (await texts(scope, here.message.session_id), await head_of(scope)) == (["here", ""], before)
    assert await sessions.count(scope, Filter()) == 2


async def test_a_message_below_an_answered_one_is_a_new_branch(scope: Scope) -> None:
    """2-58."""
    first = await messages.send(scope, NewSession(), "one")
    session_id = first.message.session_id
    await messages.send(scope, session_id, "two")
    edited = await messages.send(scope, session_id, "two, edited", parent_id=first.reply.id)
    assert (edited.message.branch, edited.message.depth, edited.message.parent_id) == (1, 2, first.reply.id)
    assert await texts(scope, session_id) == ["one", "", "two, edited", ""]
    old, branch = await messages.page(scope, session_id, Span(100, after=messages.PathKey(0, 0)))
    assert ([message.content for message in old.rows], branch) == (["", "two", ""], 0)
    assert (await messages.count(scope, session_id, 0), await messages.count(scope, session_id)) == (4, 4)
    assert edited.seen[0].message_count == 6


async def test_a_message_below_the_last_one_is_no_new_branch(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(), "one")
    second = await messages.send(scope, first.message.session_id, "two", parent_id=first.reply.id)
    assert (second.message.branch, second.message.depth) == (0, 2)


async def test_a_message_below_none_begins_again(scope: Scope) -> None:
    empty, _ = await sessions.create(scope, NewSession())
    first = await messages.send(scope, empty.id, "one", parent_id=None)
    again = await messages.send(scope, empty.id, "one, edited", parent_id=None)
    assert [(each.message.branch, each.message.depth) for each in (first, again)] == [(0, 0), (1, 0)]
    assert await texts(scope, empty.id) == ["one, edited", ""]


async def test_a_member_who_chose_a_branch_goes_on_in_it(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(), "one")
    session_id = first.message.session_id
    await messages.send(scope, session_id, "one, edited", parent_id=None)
    async with scope.process.db.system() as tx:
        member = await tx.get_one(Membership, (session_id, scope.viewer.id))
        member.branch = 0
    assert await texts(scope, session_id) == ["one", ""]
    await messages.send(scope, session_id, "two")
    assert await texts(scope, session_id) == ["one", "", "two", ""]
    forked = await messages.send(scope, session_id, "two, edited", parent_id=first.reply.id)
    assert (forked.seen[1].branch, await texts(scope, session_id)) == (2, ["one", "", "two, edited", ""])


async def test_pages_of_two_branches_cannot_be_mixed(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(), "one")
    session_id = first.message.session_id
    await messages.send(scope, session_id, "one, edited", parent_id=None)
    mixed = Span(10, after=messages.PathKey(0, 0), before=messages.PathKey(1, 1))
    for span in (mixed, Span(10, after=messages.PathKey(7, 0))):
        with pytest.raises(InvalidInput):
            await messages.page(scope, session_id, span)


async def test_the_id_of_a_message_elsewhere_is_taken(scope: Scope, stranger: Scope) -> None:
    """0-65: a message never turns up in another session than the one it was sent to."""
    mine = await messages.send(scope, NewSession(), "mine")
    theirs = await messages.send(stranger, NewSession(), "theirs")
    other, _ = await sessions.create(scope, NewSession())
    for to in (other.id, NewSession(id=uuid4())):
        for id in (mine.message.id, mine.reply.id, theirs.message.id):
            with pytest.raises(IdTaken) as refused:
                await messages.send(scope, to, "Hi", message_id=id)
            assert (refused.value.field, "theirs" in refused.value.reason) == ("id", False)
    assert await texts(scope, other.id) == []
    assert await sessions.count(scope, Filter()) == 2


async def test_a_message_of_another_member_is_not_taken_for_ones_own(scope: Scope, stranger: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Hi")
    await join(stranger, sent.message.session_id, MemberRole.WRITER)
    with pytest.raises(IdTaken):
        await messages.send(stranger, sent.message.session_id, "Hi", message_id=sent.message.id)


async def test_a_new_session_whose_id_is_somebody_elses_is_refused(scope: Scope, stranger: Scope) -> None:
    theirs, _ = await sessions.create(stranger, NewSession(external_id="chat-1"))
    with pytest.raises(IdTaken) as refused:
        await messages.send(scope, NewSession(id=theirs.id, external_id="chat-1"), "Hi")
    assert refused.value.field == "newSession.id"
    assert await untouched(scope)


async def test_a_new_session_whose_external_id_is_taken_is_refused(scope: Scope) -> None:
    await sessions.create(scope, NewSession(external_id="chat-1"))
    before = await head_of(scope)
    with pytest.raises(IdTaken) as refused:
        await messages.send(scope, NewSession(external_id="chat-1"), "Hi")
    assert (refused.value.field, await head_of(scope)) == ("newSession.externalId", before)


async def test_a_reader_cannot_write_by_calling_the_session_new(scope: Scope, stranger: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    await join(stranger, session.id, MemberRole.READER)
    with pytest.raises(NotAllowed):
        await messages.send(stranger, NewSession(id=session.id), "Hi")
    assert await texts(scope, session.id) == []


async def test_a_new_session_in_a_project_that_is_not_there_leaves_nothing_behind(scope: Scope) -> None:
    """2-46."""
    with pytest.raises(NotFound):
        await messages.send(scope, NewSession(project_id=uuid4()), "Hi")
    with pytest.raises(InvalidInput):
        await messages.send(scope, NewSession(), "Hi", metadata={"a": "\0"})
    assert await untouched(scope)


async def test_a_message_that_is_sent_again_after_the_session_was_deleted_does_not_revive_it(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(id=uuid4()), "Hi", message_id=uuid4())
    await sessions.delete(scope, sent.message.session_id)
    for to in (sent.message.session_id, NewSession(), NewSession(id=sent.message.session_id)):
        with pytest.raises(NotFound):
            await messages.send(scope, to, "Hi", message_id=sent.message.id)
    assert await sessions.count(scope, Filter()) == 0


async def test_sessions_do_not_mix_their_messages(scope: Scope) -> None:
    """0-44, 0-49, 1-24."""
    one = await messages.send(scope, NewSession(), "one")
    two: Exchange = await messages.send(scope, NewSession(), "two")
    await messages.send(scope, one.message.session_id, "one, again")
    assert await texts(scope, two.message.session_id) == ["two", ""]
    assert await texts(scope, one.message.session_id) == ["one", "", "one, again", ""]
