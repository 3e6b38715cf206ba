"""What members set for themselves: put away, pinned, starred, tagged, drafted, in an order of their own."""

from uuid import UUID, uuid4

import pytest

from chat.conversation import memberships, messages, sessions
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.sessions import NewSession
from chat.library import folders, ordering
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from db import memberships as membership_rows
from db.listing import Filter, SessionOrder
from db.models import MemberRole
from db.page import Span
from tests.chat.conftest import answer, head_of, join
from tests.organising.conftest import shows, windows


async def begin(scope: Scope, *titles: str) -> list[UUID]:
    """Sessions with these titles, in this order."""
    made = [await sessions.create(scope, NewSession(title=title)) for title in titles]
    return [session.id for session, _ in made]


async def ordered(scope: Scope) -> list[str | None]:
    """The titles in the viewer's own order."""
    found = await sessions.page(scope, Span(100), Filter(), SessionOrder.POSITION)
    return [seen.title for seen in found.page.rows]


async def test_every_window_sees_what_one_sets(patient: Scope, elsewhere: Scope) -> None:
    """1-46, 1-47, 4-7."""
    scope = patient
    (plans,) = await begin(scope, "Plans")
    async with windows(scope, elsewhere) as both:
        await sessions.edit(scope, plans, personal=Personal(pinned=True, starred=True, tags=["work", "urgent"]))
        for window in both:
            await shows(window, plans, lambda seen: seen.tags == ["work", "urgent"] and seen.pinned_at is not None)
        await sessions.edit(scope, plans, personal=Personal(pinned=False))
        for window in both:
            await shows(window, plans, lambda seen: seen.pinned_at is None and seen.starred_at is not None)
        await memberships.save_draft(scope, plans, "Dear all,")
        for window in both:
            await shows(window, plans, lambda seen: seen.draft == "Dear all,")
        await memberships.save_draft(scope, plans, "  ")
        for window in both:
            await shows(window, plans, lambda seen: seen.draft is None)


async def test_every_window_sees_where_one_files_a_session(patient: Scope, elsewhere: Scope) -> None:
    """1-46."""
    scope = patient
    (plans,) = await begin(scope, "Plans")
    work = (await folders.create(scope, "Work")).id
    async with windows(scope, elsewhere) as both:
        await sessions.edit(scope, plans, personal=Personal(folder=Folder(work)))
        for window in both:
            await shows(window, plans, lambda seen: seen.folder_id == work)
        await sessions.edit(scope, plans, personal=Personal(folder=Folder(None)))
        for window in both:
            await shows(window, plans, lambda seen: seen.folder_id is None)


async def test_nobody_else_sees_it_not_even_another_member(scope: Scope, stranger: Scope) -> None:
    (plans,) = await begin(scope, "Plans")
    await join(stranger, plans, MemberRole.READER)
    work = Folder((await folders.create(scope, "Work")).id)
    before = await head_of(stranger)
    await sessions.edit(
        scope, plans, personal=Personal(pinned=True, starred=True, archived=True, folder=work, tags=["mine"])
    )
    await memberships.save_draft(scope, plans, "Between us")
    await memberships.mark_unread(scope, plans)
    await memberships.move(scope, plans, None)
    assert await head_of(stranger) == before
    (theirs,) = await sessions.of_ids(stranger, [plans])
    assert theirs is not None
    assert (theirs.pinned_at, theirs.starred_at, theirs.archived_at, theirs.draft) == (None, None, None, None)
    assert (theirs.folder_id, theirs.tags, theirs.unread) == (None, [], False)


async def test_what_one_has_read_is_new_to_another_member_still(scope: Scope, stranger: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Which plans?")
    plans = sent.message.session_id
    await join(stranger, plans, MemberRole.READER)
    await answer(scope, sent.run, "These.")
    before = await head_of(stranger)
    await memberships.mark_read(scope, plans)
    seen = [(await sessions.of_ids(viewer, [plans]))[0] for viewer in (scope, stranger)]
    assert [each and each.unread for each in seen] == [False, True]
    assert await head_of(stranger) == before


async def test_a_reader_organises_too(scope: Scope, stranger: Scope) -> None:
    (plans,) = await begin(scope, "Plans")
    await join(stranger, plans, MemberRole.READER)
    _, member = await sessions.edit(stranger, plans, personal=Personal(starred=True, tags=["theirs"]))
    assert (member.starred_at is not None, member.tags) == (True, ["theirs"])


async def test_what_is_so_already_keeps_its_time(scope: Scope) -> None:
    (plans,) = await begin(scope, "Plans")
    _, first = await sessions.edit(scope, plans, personal=Personal(pinned=True))
    _, again = await sessions.edit(scope, plans, personal=Personal(pinned=True))
    assert again.pinned_at == first.pinned_at


async def test_tags_are_kept_once_and_clean(scope: Scope) -> None:
    """1-46."""
    (plans,) = await begin(scope, "Plans")
    _, member = await sessions.edit(scope, plans, personal=Personal(tags=[" b ", "a", "b", "B"]))
    assert member.tags == ["b", "a", "B"]
    _, member = await sessions.edit(scope, plans, personal=Personal(tags=[]))
    assert member.tags == []


@pytest.mark.parametrize("tags", [[""], ["  "], ["x" * 65], [str(number) for number in range(51)]])
async def test_tags_that_cannot_be_are_refused(scope: Scope, tags: list[str]) -> None:
    (plans,) = await begin(scope, "Plans")
    with pytest.raises(InvalidInput) as refused:
        await sessions.edit(scope, plans, personal=Personal(tags=tags))
    assert refused.value.field == "tags"


async def test_what_is_nobodys_to_see_cannot_be_organised(scope: Scope, stranger: Scope) -> None:
    """1-53."""
    (plans,) = await begin(scope, "Plans")
    for attempt in (
        sessions.edit(stranger, plans, personal=Personal(pinned=True)),
        memberships.save_draft(stranger, plans, "Hello"),
        memberships.mark_read(stranger, plans),
        memberships.mark_unread(stranger, plans),
        memberships.move(stranger, plans, None),
    ):
        with pytest.raises(NotFound):
            await attempt
    (mine,) = await begin(stranger, "Mine")
    with pytest.raises(NotFound):
        await memberships.move(stranger, mine, plans)
    for folder_id in (uuid4(), (await folders.create(scope, "Work")).id):
        with pytest.raises(NotFound) as refused:
            await sessions.edit(stranger, mine, personal=Personal(folder=Folder(folder_id)))
        assert (refused.value.what, refused.value.reason) == ("folder", str(NotFound("folder")))


async def test_a_draft_has_a_limit(scope: Scope) -> None:
    (plans,) = await begin(scope, "Plans")
    with pytest.raises(InvalidInput):
        await memberships.save_draft(scope, plans, "x" * 200_001)


async def test_the_newest_session_is_first_until_something_is_moved(scope: Scope) -> None:
    a, b, c = await begin(scope, "a", "b", "c")
    assert await ordered(scope) == ["c", "b", "a"]
    await memberships.move(scope, a, before=c)
    assert await ordered(scope) == ["a", "c", "b"]
    await memberships.move(scope, c, before=None)
    assert await ordered(scope) == ["a", "b", "c"]
    await memberships.move(scope, c, before=b)
    assert await ordered(scope) == ["a", "c", "b"]
    await begin(scope, "d")
    assert await ordered(scope) == ["d", "a", "c", "b"]


async def test_moving_one_changes_no_other(scope: Scope) -> None:
    a, _, c = await begin(scope, "a", "b", "c")
    before = await head_of(scope)
    await memberships.move(scope, a, before=c)
    assert await head_of(scope) == before + 1
    await memberships.move(scope, a, before=a)
    assert await head_of(scope) == before + 1


async def test_what_goes_into_the_same_gap_for_ever_still_finds_a_place(scope: Scope) -> None:
    """Places there grow until some neighbours get others, too; nothing else moves, and a new session is still first."""
    a, b, _, d = await begin(scope, "a", "b", "c", "d")
    await memberships.move(scope, d, before=None)
    start, moves = await head_of(scope), 600
    for number in range(moves):
        await memberships.move(scope, (a, b)[number % 2], before=d)
    assert await ordered(scope) == ["c", "a", "b", "d"]
    async with scope.tx() as tx:
        seen = [await sessions.seen(tx, scope, id) for id in (a, b, d)]
    assert max(len(member.position) for _, member in seen) <= ordering.LONGEST
    assert len({member.seq for _, member in seen}) == 3
    assert await head_of(scope) > start + moves
    await begin(scope, "e")
    assert await ordered(scope) == ["e", "c", "a", "b", "d"]


async def test_windows_hear_of_each_neighbour_that_gets_another_place(patient: Scope, elsewhere: Scope) -> None:
    scope = patient
    a, b, c = await begin(scope, "a", "b", "c")
    async with scope.process.db.system() as tx:
        for session_id, place in ((b, "8" * 100), (a, "8" * 99 + "9")):
            await membership_rows.change(tx, session_id, scope.viewer.id, 1, {"position": place})
    async with windows(scope, elsewhere) as both:
        await memberships.move(scope, c, before=a)
        for window in both:
            for id in (b, a, c):
                await shows(window, id, lambda seen: len(seen.position) <= ordering.LONGEST)
    assert await ordered(scope) == ["b", "c", "a"]
    async with scope.tx() as tx:
        numbers = [(await sessions.seen(tx, scope, id))[1].seq for id in (b, a, c)]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == await head_of(scope)
