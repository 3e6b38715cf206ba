"""Folders: a tree of an account's own, in an order, live in every window; and what projects say of their sessions."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from chat.conversation import memberships, messages, sessions
from chat.conversation.member_fields import Folder as Into
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import agents, counts, folders, nodes, ordering, projects
from chat.library.agents import Character
from chat.refusals import FolderConflict, IdTaken, InvalidInput, NotFound, QuotaExceeded
from chat.removal.retention import tidy_once
from chat.scope import Scope
from db.models import Folder, MemberRole, StageStatus
from db.tallies import Tally
from sync.events import AccountEvent, FolderChanged, ProjectChanged, SessionChanged
from sync.subscriber import Window
from tests.chat.conftest import head_of, join
from tests.organising.conftest import heard, windows
from tests.sync.talk import execute


async def tells(window: Window[AccountEvent], wanted: Callable[[Folder], bool]) -> None:
    """Returns when a window has been told of such a folder."""
    await heard(window, FolderChanged, lambda told: wanted(told.row))


async def made(scope: Scope, *names: str, within: UUID | None = None) -> list[UUID]:
    """Folders of these names, in this order."""
    return [(await folders.create(scope, name, parent_id=within)).id for name in names]


async def tree(scope: Scope, within: UUID | None = None) -> list[object]:
    """The names in a folder, or at the top, in order; each with a list of those that are in it."""
    found: list[object] = []
    for folder in await folders.everything(scope):
        if folder.parent_id == within:
            inner = await tree(scope, folder.id)
            found += [folder.name, inner] if inner else [folder.name]
    return found


async def filed(scope: Scope, *into: UUID) -> list[UUID]:
    """Sessions, each in a folder."""
    ids = []
    for folder_id in into:
        session, _ = await sessions.create(scope, NewSession())
        await sessions.edit(scope, session.id, personal=Personal(folder=Into(folder_id)))
        ids.append(session.id)
    return ids


async def test_folders_are_in_each_other_and_in_the_order_of_their_making(scope: Scope) -> None:
    """1-46."""
    work, home = await made(scope, "Work", " Home ")
    await made(scope, "Plans", "Notes", within=work)
    assert await tree(scope) == ["Work", ["Plans", "Notes"], "Home"]
    assert await nodes.kinds(scope, [home]) == {home: "folder"}


async def test_making_one_again_gives_the_first_one(scope: Scope) -> None:
    id = uuid4()
    first = await folders.create(scope, "Work", folder_id=id)
    again = await folders.create(scope, "Other", folder_id=id)
    assert (again.id, again.name, again.seq, await head_of(scope)) == (id, "Work", first.seq, first.seq)
    await folders.delete(scope, id)
    with pytest.raises(IdTaken):
        await folders.create(scope, "Work", folder_id=id)


async def test_a_rename_of_another_version_is_refused_and_shown_how_it_is(scope: Scope) -> None:
    (work,) = await made(scope, "Work")
    renamed = await folders.edit(scope, work, name="Job", expected_version=1)
    assert (renamed.name, renamed.version) == ("Job", 2)
    with pytest.raises(FolderConflict) as refused:
        await folders.edit(scope, work, name="Labour", expected_version=1)
    assert (refused.value.row.name, await tree(scope)) == ("Job", ["Job"])


async def test_a_folder_is_put_before_another_or_last_or_elsewhere(scope: Scope) -> None:
    one, two, three = await made(scope, "1", "2", "3")
    await folders.move(scope, three, None, before=one)
    assert await tree(scope) == ["3", "1", "2"]
    await folders.move(scope, three, None, before=two)
    assert await tree(scope) == ["1", "3", "2"]
    await folders.move(scope, one, None, before=None)
    assert await tree(scope) == ["3", "2", "1"]
    await folders.move(scope, one, two, before=None)
    assert await tree(scope) == ["3", "2", ["1"]]


async def test_there_is_always_room_between_two(scope: Scope) -> None:
    """Places in one gap grow until those around it get others: then each window hears of each."""
    first, second, a, b = await made(scope, "first", "second", "a", "b")
    before = await head_of(scope)
    moves = 600
    for number in range(moves):
        await folders.move(scope, (a, b)[number % 2], None, before=second)
    assert await tree(scope) == ["first", "a", "b", "second"]
    rows = await folders.everything(scope)
    assert max(len(row.position) for row in rows) <= ordering.LONGEST
    assert await head_of(scope) > before + moves
    assert len({row.seq for row in rows}) == 4
    assert max(row.seq for row in rows) == await head_of(scope)
    assert first == rows[0].id


async def test_a_folder_cannot_be_in_itself_or_too_deep_or_before_a_stranger(scope: Scope) -> None:
    (top,) = await made(scope, "0")
    below = top
    for depth in range(1, folders.DEEPEST):
        (below,) = await made(scope, str(depth), within=below)
    (other,) = await made(scope, "other")
    (inner,) = await made(scope, "inner", within=other)
    *_, last_but_one, _ = [row.id for row in await folders.everything(scope) if row.name.isdecimal()]
    head = await head_of(scope)
    for folder_id, parent_id, before, field in (
        (top, below, None, "parentId"),
        (top, top, None, "parentId"),
        (other, inner, None, "parentId"),
        (other, last_but_one, None, "parentId"),
        (inner, below, None, "parentId"),
        (other, None, below, "beforeId"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await folders.move(scope, folder_id, parent_id, before)
        assert refused.value.field == field
    with pytest.raises(InvalidInput):
        await folders.create(scope, "too deep", parent_id=below)
    assert await head_of(scope) == head


async def test_what_is_in_a_deleted_folder_comes_to_where_it_was(scope: Scope) -> None:
    """1-46."""
    work, _ = await made(scope, "Work", "Home")
    (plans,) = await made(scope, "Plans", within=work)
    await made(scope, "2025", "2026", within=plans)
    ids = await filed(scope, plans, plans, work)
    deleted = await folders.delete(scope, plans)
    assert await tree(scope) == ["Work", ["2025", "2026"], "Home"]
    seen = await sessions.of_ids(scope, ids)
    assert [each and each.folder_id for each in seen] == [work] * 3
    assert deleted.seq == await head_of(scope)
    await folders.delete(scope, work)
    assert await tree(scope) == ["Home", "2025", "2026"]
    seen = await sessions.of_ids(scope, ids)
    assert [each and each.folder_id for each in seen] == [None] * 3
    with pytest.raises(NotFound):
        await folders.delete(scope, plans)


async def test_every_window_sees_it_at_once(patient: Scope, elsewhere: Scope) -> None:
    scope = patient
    async with windows(scope, elsewhere) as both:
        (work,) = await made(scope, "Work")
        for window in both:
            await tells(window, lambda folder: folder.name == "Work" and folder.deleted_at is None)
        await folders.edit(scope, work, name="Job")
        for window in both:
            await tells(window, lambda folder: folder.name == "Job")
        (other,) = await made(scope, "Other")
        await folders.move(scope, work, other, None)
        for window in both:
            await tells(window, lambda folder: folder.parent_id == other)
        await folders.delete(scope, work)
        for window in both:
            await tells(window, lambda folder: folder.deleted_at is not None)


async def test_every_window_sees_what_comes_out_of_a_deleted_folder(patient: Scope, elsewhere: Scope) -> None:
    """1-46."""
    (work,) = await made(patient, "Work")
    (plans,) = await made(patient, "Plans", within=work)
    (later,) = await made(patient, "2026", within=plans)
    ids = await filed(patient, plans, plans)
    async with windows(patient, elsewhere) as both:
        await folders.delete(patient, plans)
        for window in both:
            await tells(window, lambda folder: (folder.id, folder.parent_id) == (later, work))
            out = [await heard(window, SessionChanged) for _ in ids]
            assert {event.row.id: event.membership.folder_id for event in out} == dict.fromkeys(ids, work)
            await tells(window, lambda folder: folder.id == plans and folder.deleted_at is not None)


async def test_simultaneous_changes_all_count(scope: Scope) -> None:
    ids = await made(scope, *"abcdef")
    await asyncio.gather(*(folders.move(scope, id, None, before=ids[0]) for id in ids[1:]), made(scope, "g", "h"))
    rows = await folders.everything(scope)
    assert len({row.position for row in rows}) == len({row.seq for row in rows}) == 8


async def test_who_files_while_the_folder_goes_leaves_nothing_in_it(scope: Scope) -> None:
    for _ in range(3):
        (work,) = await made(scope, "Work")
        session, _ = await sessions.create(scope, NewSession())
        await asyncio.gather(
            folders.delete(scope, work),
            sessions.edit(scope, session.id, personal=Personal(folder=Into(work))),
            return_exceptions=True,
        )
        (seen,) = await sessions.of_ids(scope, [session.id])
        assert seen is not None
        assert seen.folder_id is None


async def test_a_stranger_sees_and_changes_nothing(scope: Scope, stranger: Scope) -> None:
    """1-55, 3-35."""
    (work,) = await made(scope, "Work")
    (theirs,) = await made(stranger, "Theirs")
    await filed(scope, work)
    head = await head_of(stranger)
    async with windows(stranger) as (window,):
        for change in (
            folders.edit(stranger, work, name="Mine"),
            folders.move(stranger, work, None, None),
            folders.move(stranger, theirs, work, None),
            folders.create(stranger, "Inside", parent_id=work),
            folders.delete(stranger, work),
        ):
            with pytest.raises(NotFound) as refused:
                await change
            assert refused.value.reason == str(NotFound("folder"))
        with pytest.raises(IdTaken):
            await folders.create(stranger, "Mine", folder_id=work)
        assert await folders.of_ids(stranger, [work]) == [None]
        assert await nodes.kinds(stranger, [work]) == {}
        assert await counts.of_folders(stranger, [work]) == [Tally(0, 0)]
        assert await head_of(stranger) == head
        await folders.delete(scope, work)
        await folders.edit(stranger, theirs, name="Heard")
        event = await anext(window)
        assert isinstance(event, FolderChanged)
        assert event.row.name == "Heard"


async def test_there_are_at_most_so_many(scope: Scope) -> None:
    await execute(
        scope,
        "INSERT INTO folders (id, owner_id, name, position)"
        f" SELECT gen_random_uuid(), :owner, n::text, n::text FROM generate_series(1, {folders.MOST}) AS n",
        owner=scope.viewer.id,
    )
    with pytest.raises(QuotaExceeded) as refused:
        await folders.create(scope, "One more")
    assert (refused.value.limit, refused.value.used) == (1_000, 1_000)


async def test_a_folder_that_was_deleted_long_ago_is_forgotten(scope: Scope) -> None:
    (work,) = await made(scope, "Work")
    await folders.delete(scope, work)
    await execute(scope, "UPDATE folders SET deleted_at = now() - interval '31 days' WHERE id = :id", id=work)
    await tidy_once(scope.process)
    assert (await folders.create(scope, "Work", folder_id=work)).id == work


async def test_folders_projects_and_agents_know_how_many_sessions_are_in_them(scope: Scope, stranger: Scope) -> None:
    """0-34, 0-40, 1-46: put away and deleted ones do not count."""
    (work, empty), project = await made(scope, "Work", "Empty"), await projects.create(scope, "Thesis")
    agent = await agents.create(scope, Character(name="Helper"))
    ids = await filed(scope, work, work, work, work)
    for id in ids:
        await sessions.edit(scope, id, links={"project_id": project.id, "agent_id": agent.id})
    await sessions.edit(scope, ids[0], personal=Personal(archived=True))
    await sessions.delete(scope, ids[1])
    await join(stranger, ids[2], MemberRole.WRITER)
    await messages.post(stranger, ids[2], "News")
    assert await counts.of_folders(scope, [empty, work]) == [Tally(0, 0), Tally(2, 1)]
    assert await counts.of_projects(scope, [project.id]) == [Tally(2, 1)]
    assert await counts.of_agents(scope, [agent.id]) == [Tally(2, 1)]
    await memberships.mark_unread(scope, ids[3])
    assert await counts.of_folders(scope, [work]) == [Tally(2, 2)]
    assert await counts.of_projects(stranger, [project.id]) == [Tally(1, 0)]


async def test_a_project_leads_to_its_latest_session(scope: Scope) -> None:
    """0-34."""
    project, other = [await projects.create(scope, name) for name in ("Thesis", "Empty")]
    made = [await sessions.create(scope, NewSession(project_id=project.id)) for _ in range(3)]
    await messages.post(scope, made[1][0].id, "The newest")
    found = await counts.latest(scope, [other.id, project.id])
    assert [each and each.id for each in found] == [None, made[1][0].id]
    await sessions.edit(scope, made[1][0].id, personal=Personal(archived=True))
    (found_now,) = await counts.latest(scope, [project.id])
    assert found_now is not None
    assert found_now.id == made[2][0].id


async def test_a_project_has_stages(scope: Scope) -> None:
    """0-40."""
    project = await projects.create(scope, "Thesis", stages=[(" Draft ", StageStatus.ACTIVE)])
    assert project.stages == [{"name": "Draft", "status": "active"}]
    edited = await projects.edit(
        scope, project.id, stages=[("Draft", StageStatus.COMPLETE), ("Review", StageStatus.BLOCKED)]
    )
    assert edited.stages == [{"name": "Draft", "status": "complete"}, {"name": "Review", "status": "blocked"}]
    assert (await projects.edit(scope, project.id, name="Dissertation")).stages == edited.stages
    assert (await projects.edit(scope, project.id, stages=[])).stages == []
    for stages in ([(" ", StageStatus.PENDING)], [("x", StageStatus.PENDING)] * 51):
        with pytest.raises(InvalidInput):
            await projects.edit(scope, project.id, stages=stages)


async def test_every_window_sees_how_far_a_project_is(patient: Scope, elsewhere: Scope) -> None:
    """0-40."""
    project = await projects.create(patient, "Thesis", stages=[("Draft", StageStatus.ACTIVE)])
    async with windows(patient, elsewhere) as both:
        await projects.edit(patient, project.id, stages=[("Draft", StageStatus.COMPLETE)])
        for window in both:
            told = await heard(window, ProjectChanged)
            assert (told.row.id, told.row.stages) == (project.id, [{"name": "Draft", "status": "complete"}])
