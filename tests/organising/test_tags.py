"""The tags that a member has given, for a sidebar of tags."""

from typing import Any
from uuid import UUID

from chat.conversation import memberships, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.scope import Scope
from db.models import MemberRole
from tests.chat.conftest import join
from tests.organising.conftest import shows, windows
from tests.repeating.asking import ask

TAGS = "{ viewer { tags { name sessionCount unreadCount } } }"


async def tagged(scope: Scope, *tags: str) -> UUID:
    """A session with these tags."""
    session, _ = await sessions.create(scope, NewSession(title=" ".join(tags)))
    await sessions.edit(scope, session.id, personal=Personal(tags=list(tags)))
    return session.id


async def tags(scope: Scope) -> list[tuple[str, int, int]]:
    """What `TAGS` answers."""
    answer: dict[str, Any] = await ask(scope, TAGS)
    return [tuple(tag.values()) for tag in answer["viewer"]["tags"]]


async def test_tags_are_told_with_how_many_sessions_have_them(scope: Scope) -> None:
    """1-46: archived and deleted ones do not count, and a tag that none has any more is gone."""
    assert await tags(scope) == []
    plans, trip, old, gone = [await tagged(scope, *each) for each in (("work", "Ann"), ("work",), ("work",), ("x",))]
    await memberships.mark_unread(scope, plans)
    await sessions.edit(scope, old, personal=Personal(archived=True))
    await sessions.delete(scope, gone)
    assert await tags(scope) == [("Ann", 1, 1), ("work", 2, 1)]
    await sessions.edit(scope, plans, personal=Personal(tags=["zebra"]))
    await sessions.edit(scope, trip, personal=Personal(tags=["zebra", "Bob"]))
    assert await tags(scope) == [("Bob", 1, 0), ("zebra", 2, 1)]


async def test_nobody_else_sees_a_tag_not_even_another_member(scope: Scope, stranger: Scope) -> None:
    plans = await tagged(scope, "mine")
    await join(stranger, plans, MemberRole.WRITER)
    await sessions.edit(stranger, plans, personal=Personal(tags=["theirs"]))
    assert await tags(stranger) == [("theirs", 1, 0)]
    assert await tags(scope) == [("mine", 1, 0)]


async def test_every_window_hears_that_there_is_another_tag(patient: Scope) -> None:
    plans = await tagged(patient, "old")
    async with windows(patient, patient) as both:
        await sessions.edit(patient, plans, personal=Personal(tags=["new"]))
        for window in both:
            await shows(window, plans, lambda seen: seen.tags == ["new"])
    assert await tags(patient) == [("new", 1, 0)]
