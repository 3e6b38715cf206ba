"""How far a member has read: what is new, what was marked, and how that is counted."""

import pytest

from chat import messages, organising, sessions
from chat.cursors import Cursor, ScopeKind
from chat.refusals import InvalidInput
from chat.scope import Scope
from chat.sessions import NewSession
from db.listing import Filter
from db.models import MemberRole, Session
from db.page import Span
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
        await organising.mark_read(scope, session.id)
        for window in both:
            await shows(window, session.id, lambda seen: not seen.unread)
        assert await state(elsewhere, session) == (False, 0)
        await organising.mark_unread(scope, session.id)
        for window in both:
            await shows(window, session.id, lambda seen: seen.unread)


async def test_the_marker_only_moves_forward(scope: Scope, stranger: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await join(stranger, session.id, MemberRole.WRITER)
    places = [(await messages.post(scope, session.id, text)).seen[0].head for text in ("Two", "Three")]
    assert await state(stranger, session) == (True, 3)
    await organising.mark_read(stranger, session.id, cursor(session, places[0]))
    assert await state(stranger, session) == (True, 1)
    await organising.mark_read(stranger, session.id, cursor(session, 1))
    assert await state(stranger, session) == (True, 1)
    await organising.mark_read(stranger, session.id, cursor(session, places[1] + 1_000))
    assert await state(stranger, session) == (False, 0)
    await messages.post(scope, session.id, "Four")
    assert await state(stranger, session) == (True, 1), "Nobody has read what is not there yet."


async def test_reading_what_was_read_tells_nobody_anything(scope: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await organising.mark_read(scope, session.id)
    before = await head_of(scope)
    await organising.mark_read(scope, session.id)
    assert await head_of(scope) == before


async def test_a_session_stays_marked_as_unread_until_it_is_read_or_answered(scope: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    await organising.mark_unread(scope, session.id)
    assert await state(scope, session) == (True, 0)
    before = await head_of(scope)
    await organising.mark_unread(scope, session.id)
    assert await head_of(scope) == before
    await organising.mark_read(scope, session.id)
    assert await state(scope, session) == (False, 0)
    await organising.mark_unread(scope, session.id)
    await messages.post(scope, session.id, "Two")
    assert await state(scope, session) == (False, 0)


async def test_a_cursor_of_something_else_is_refused(scope: Scope) -> None:
    session = (await messages.post(scope, NewSession(), "One")).seen[0]
    other = (await messages.post(scope, NewSession(), "Two")).seen[0]
    for text in ("nonsense", cursor(other, 1), str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, 1))):
        with pytest.raises(InvalidInput) as refused:
            await organising.mark_read(scope, session.id, text)
        assert refused.value.field == "upTo"


async def test_unread_sessions_are_listed_and_counted(scope: Scope) -> None:
    read, unread = [(await messages.send(scope, NewSession(title=title), "Why?")) for title in ("read", "unread")]
    await answer(scope, read.run, "Because.")
    await answer(scope, unread.run, "Because.")
    await organising.mark_read(scope, read.seen[0].id)
    found = await sessions.page(scope, Span(10), Filter(unread=True))
    assert [seen.title for seen in found.page.rows] == ["unread"]
    assert (await sessions.counts(scope, Filter()))["unread"] == 1
