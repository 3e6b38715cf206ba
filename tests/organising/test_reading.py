"""How far a member has read: what is new, what was marked, and how that is counted."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from chat.conversation import annotations, edits, memberships, messages, sessions
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.library import folders
from chat.refusals import InvalidInput
from chat.removal import deletions, trash
from chat.removal.deletions import Changed
from chat.removal.message_tree import DeletionScope
from chat.runs import retries, runs
from chat.scope import Scope
from db import tallies
from db.listing import Filter
from db.models import MemberRole, Message, Session
from db.page import Span
from sync.cursors import Cursor, ScopeKind
from tests.chat.conftest import answer, head_of, join
from tests.organising.conftest import shows, windows


async def state(scope: Scope, session: Session) -> tuple[bool, int]:
    """Whether a session is unread for the viewer, and how many messages are."""
    (seen,) = await sessions.of_ids(scope, [session.id])
    assert seen is not None
    return seen.unread, (await sessions.unread(scope, [session.id]))[0]


def cursor(session: Session, seq: int) -> str:
    """A cursor of a session."""
    return str(Cursor(ScopeKind.SESSION, session.id, session.epoch, seq))


async def test_what_others_say_is_new_and_what_one_says_is_not(scope: Scope, stranger: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "Anyone?")).seen[0]
    assert await state(scope, session) == (False, 0)
    await join(stranger, session.id, MemberRole.WRITER)
    await messages.post(stranger, session.id, "Here")
    assert await state(scope, session) == (True, 1)
    assert await state(stranger, session) == (False, 0)
    await messages.post(scope, session.id, "Good")
    assert await state(scope, session) == (False, 0)
    assert await state(stranger, session) == (True, 1)


async def test_a_reply_is_new_when_it_is_whole(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    assert await state(scope, sent.seen[0]) == (False, 0)
    await answer(scope, sent.run, "Because.")
    assert await state(scope, sent.seen[0]) == (True, 1)


async def test_every_window_sees_that_it_was_read_and_what_is_marked_as_unread(
    patient: Scope, elsewhere: Scope
) -> None:
    scope = patient
    sent = await messages.send(scope, NewSession(), "Why?")
    session = sent.seen[0]
    async with windows(scope, elsewhere) as both:
        await answer(scope, sent.run, "Because.")
        for window in both:
            await shows(window, session.id, lambda seen: seen.unread)
        await memberships.mark_read(scope, session.id)
        for window in both:
            await shows(window, session.id, lambda seen: not seen.unread)
        assert await state(elsewhere, session) == (False, 0)
        await memberships.mark_unread(scope, session.id)
        for window in both:
            await shows(window, session.id, lambda seen: seen.unread)


async def test_the_marker_only_moves_forward(scope: Scope, stranger: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await join(stranger, session.id, MemberRole.WRITER)
    places = [(await messages.post(scope, session.id, text)).seen[0].head for text in ("Two", "Three")]
    assert await state(stranger, session) == (True, 3)
    await memberships.mark_read(stranger, session.id, cursor(session, places[0]))
    assert await state(stranger, session) == (True, 1)
    await memberships.mark_read(stranger, session.id, cursor(session, 1))
    assert await state(stranger, session) == (True, 1)
    await memberships.mark_read(stranger, session.id, cursor(session, places[1] + 1_000))
    assert await state(stranger, session) == (False, 0)
    await messages.post(scope, session.id, "Four")
    assert await state(stranger, session) == (True, 1), "Nobody has read what is not there yet."


async def test_reading_what_was_read_tells_nobody_anything(scope: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await memberships.mark_read(scope, session.id)
    before = await head_of(scope)
    await memberships.mark_read(scope, session.id)
    assert await head_of(scope) == before


async def test_a_session_stays_marked_as_unread_until_it_is_read_or_answered(scope: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await memberships.mark_unread(scope, session.id)
    assert await state(scope, session) == (True, 0)
    before = await head_of(scope)
    await memberships.mark_unread(scope, session.id)
    assert await head_of(scope) == before
    await memberships.mark_read(scope, session.id)
    assert await state(scope, session) == (False, 0)
    await memberships.mark_unread(scope, session.id)
    await messages.post(scope, session.id, "Two")
    assert await state(scope, session) == (False, 0)


async def test_a_cursor_of_something_else_is_refused(scope: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    other = (await messages.post(scope, NewSession(), "Two")).seen[0]
    for text in ("nonsense", cursor(other, 1), str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, 1))):
        with pytest.raises(InvalidInput) as refused:
            await memberships.mark_read(scope, session.id, text)
        assert refused.value.field == "upTo"


async def test_unread_sessions_are_listed_and_counted(scope: Scope) -> None:
    read, unread = [(await messages.send(scope, NewSession(title=title), "Why?")) for title in ("read", "unread")]
    await answer(scope, read.run, "Because.")
    await answer(scope, unread.run, "Because.")
    await memberships.mark_read(scope, read.seen[0].id)
    found = await sessions.page(scope, Span(10), Filter(unread=True))
    assert [seen.title for seen in found.page.rows] == ["unread"]
    assert (await sessions.counts(scope, Filter()))["unread"] == 1


type Undoable = Callable[[Scope, Message], Awaitable[Changed]]

UNDOABLE: list[tuple[Any, Any]] = [
    *(
        (
            lambda scope, message, what=what: deletions.delete(scope, message.session_id, message.id, what),
            lambda scope, message, what=what: deletions.restore(scope, message.session_id, message.id, what),
        )
        for what in (DeletionScope.MESSAGE, DeletionScope.SUBTREE)
    ),
    (
        lambda scope, message: deletions.clear(scope, message.session_id),
        lambda scope, message: deletions.restore_all(scope, message.session_id),
    ),
]
"""Ways to delete a message, and to have it back."""


async def badges(scope: Scope, folder_id: UUID) -> tuple[int, int, int]:
    """How many sessions are unread: in a folder, as counted, and as listed."""
    found = await sessions.page(scope, Span(10), Filter(unread=True))
    in_folder = (await tallies.of_folders(scope.reader, [folder_id]))[folder_id].unread
    return in_folder, (await sessions.counts(scope, Filter()))["unread"], len(found.page.rows)


@pytest.mark.parametrize(("delete", "restore"), UNDOABLE)
async def test_a_reply_that_is_deleted_is_no_news_until_it_comes_back(
    patient: Scope, elsewhere: Scope, delete: Undoable, restore: Undoable
) -> None:
    sent = await messages.send(patient, NewSession(), "Why?")
    session, folder = sent.seen[0], (await folders.create(patient, "Work")).id
    await sessions.edit(patient, session.id, personal=Personal(folder=Folder(folder)))
    await answer(patient, sent.run, "Because.")
    assert (await state(patient, session), await badges(patient, folder)) == ((True, 1), (1, 1, 1))
    async with windows(patient, elsewhere) as both:
        changed = await delete(patient, sent.reply)
        assert changed.seen[1].unread is False
        assert (await state(patient, session), await badges(patient, folder)) == ((False, 0), (0, 0, 0))
        for window in both:
            await shows(window, session.id, lambda seen: not seen.unread)
        changed = await restore(patient, sent.reply)
        assert changed.seen[1].unread is True
        assert (await state(patient, session), await badges(patient, folder)) == ((True, 1), (1, 1, 1))
        for window in both:
            await shows(window, session.id, lambda seen: seen.unread)


@pytest.mark.parametrize(("delete", "restore"), UNDOABLE)
async def test_a_reply_that_was_read_is_read_when_it_comes_back(
    scope: Scope, delete: Undoable, restore: Undoable
) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    session = sent.seen[0]
    await answer(scope, sent.run, "Because.")
    await memberships.mark_read(scope, session.id)
    await delete(scope, sent.reply)
    await restore(scope, sent.reply)
    assert await state(scope, session) == (False, 0)
    _, again = await retries.answer(scope, sent.message.id)
    await answer(scope, again.run, "Just so.")
    assert await state(scope, session) == (True, 1), "What came back was read already."


async def test_other_branches_are_no_news_when_they_are_deleted(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    session = sent.seen[0]
    _, again = await retries.answer(scope, sent.message.id, when_busy=WhenBusy.PARALLEL)
    await answer(scope, sent.run, "Because.")
    await memberships.mark_read(scope, session.id)
    await answer(scope, again.run, "Just so.")
    assert await state(scope, session) == (True, 1)
    await deletions.delete(scope, session.id, sent.reply.id, DeletionScope.OTHER_BRANCHES)
    assert await state(scope, session) == (False, 0)
    await deletions.restore(scope, session.id, sent.reply.id, DeletionScope.OTHER_BRANCHES)
    assert await state(scope, session) == (True, 1)


async def test_what_is_new_to_others_and_marked_as_unread_stays_so(scope: Scope, stranger: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "Anyone?")).seen[0]
    await join(stranger, session.id, MemberRole.WRITER)
    mine = (await messages.post(scope, session.id, "Mine")).message
    theirs = (await messages.post(stranger, session.id, "Theirs")).message
    more = (await messages.post(scope, session.id, "More")).message
    assert (await state(scope, session), await state(stranger, session)) == ((False, 0), (True, 1))
    await memberships.mark_unread(scope, session.id)
    for message in (theirs, more, mine):
        await deletions.delete(scope, session.id, message.id, DeletionScope.MESSAGE)
    assert (await state(scope, session), await state(stranger, session)) == ((True, 0), (False, 0))
    await deletions.restore(scope, session.id, more.id, DeletionScope.MESSAGE)
    assert await state(stranger, session) == (True, 1)


async def test_what_was_read_meanwhile_is_read_when_it_comes_back(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    await answer(scope, sent.run, "Because.")
    await deletions.delete(scope, sent.seen[0].id, sent.reply.id, DeletionScope.MESSAGE)
    await memberships.mark_read(scope, sent.seen[0].id)
    await deletions.restore(scope, sent.seen[0].id, sent.reply.id, DeletionScope.MESSAGE)
    assert await state(scope, sent.seen[0]) == (False, 0)


async def test_a_session_from_the_trash_is_as_unread_as_it_was(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    session, folder = sent.seen[0], (await folders.create(scope, "Work")).id
    await sessions.edit(scope, session.id, personal=Personal(folder=Folder(folder)))
    await answer(scope, sent.run, "Because.")
    await sessions.delete(scope, session.id)
    assert (await sessions.counts(scope, Filter()))["unread"] == 0
    await trash.restore(scope, session.id)
    assert (await state(scope, session), await badges(scope, folder)) == ((True, 1), (1, 1, 1))


async def test_a_reply_that_goes_on_is_no_news_until_it_is_whole(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    await runs.cancel(scope, sent.run.id)
    assert await state(scope, sent.seen[0]) == (True, 1)
    seen, again = await retries.resume(scope, sent.run.id)
    assert seen[1].unread is False
    assert await state(scope, sent.seen[0]) == (False, 0)
    await answer(scope, again.run, "Because.")
    assert await state(scope, sent.seen[0]) == (True, 1)


async def test_what_is_read_up_to_a_message_is_read_with_it(scope: Scope, stranger: Scope) -> None:
    """A cursor of a message is below those of the reply that was asked for with it."""
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await join(stranger, session.id, MemberRole.WRITER)
    sent = await messages.send(scope, session.id, "Two")
    await memberships.mark_read(stranger, session.id, cursor(session, sent.message.seq))
    assert await state(stranger, session) == (False, 0)
    await answer(scope, sent.run, "Because.")
    (reply,) = await messages.of_ids(scope, [sent.reply.id])
    assert reply is not None
    assert await state(stranger, session) == (True, 1)
    await memberships.mark_read(stranger, session.id, cursor(session, reply.seq))
    assert await state(stranger, session) == (False, 0)


async def test_what_is_marked_or_revised_is_no_news(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    await answer(scope, sent.run, "Because.")
    await memberships.mark_read(scope, sent.seen[0].id)
    await edits.revise(scope, sent.reply.id, text="Just so.")
    await annotations.react(scope, sent.reply.id, "+1", on=True)
    _, again = await retries.answer(scope, sent.message.id)
    await answer(scope, again.run, "Once more.")
    assert await state(scope, sent.seen[0]) == (True, 1)
