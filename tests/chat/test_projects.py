"""Projects: made once, changed field by field, their owner's alone."""

import asyncio
from uuid import uuid4

import pytest

from chat.conversation import sessions
from chat.conversation.sessions import NewSession
from chat.library import nodes, projects
from chat.refusals import IdTaken, InvalidInput, NotFound
from chat.scope import Scope
from db.listing import Filter
from db.page import Span
from tests.chat.conftest import head_of


async def test_a_project_has_what_it_was_given(scope: Scope) -> None:
    """0-40."""
    made = await projects.create(scope, "  Thesis ", metadata={"stage": "draft"})
    assert (made.name, made.meta, made.owner_id) == ("Thesis", {"stage": "draft"}, scope.viewer.id)
    (found,) = await projects.of_ids(scope, [made.id])
    assert found is not None
    assert (found.name, found.meta, found.seq) == ("Thesis", {"stage": "draft"}, await head_of(scope))


async def test_making_a_project_again_gives_the_first_one(scope: Scope) -> None:
    """0-63."""
    id = uuid4()
    first = await projects.create(scope, "Thesis", project_id=id)
    again = await projects.create(scope, "Thesis, once more", project_id=id)
    assert (again.id, again.name, again.seq) == (id, "Thesis", first.seq)
    assert await projects.count(scope) == 1
    assert await head_of(scope) == first.seq


async def test_making_a_project_twice_at_once_makes_one(scope: Scope) -> None:
    id = uuid4()
    made = await asyncio.gather(*(projects.create(scope, "Thesis", project_id=id) for _ in range(4)))
    assert {project.id for project in made} == {id}
    assert (await projects.count(scope), await head_of(scope)) == (1, 1)


async def test_the_id_of_somebody_else_is_taken_and_nothing_of_theirs_is_told(scope: Scope, stranger: Scope) -> None:
    theirs = await projects.create(stranger, "Secret")
    with pytest.raises(IdTaken) as refused:
        await projects.create(scope, "Mine", project_id=theirs.id)
    assert (refused.value.field, "Secret" in refused.value.reason) == ("id", False)
    assert await projects.count(scope) == 0


async def test_the_id_of_a_deleted_project_stays_taken(scope: Scope) -> None:
    made = await projects.create(scope, "Thesis")
    await projects.delete(scope, made.id)
    with pytest.raises(IdTaken):
        await projects.create(scope, "Thesis", project_id=made.id)
    assert await projects.count(scope) == 0


async def test_an_edit_sets_the_fields_that_are_given(scope: Scope) -> None:
    made = await projects.create(scope, "Thesis", metadata={"stage": "draft"})
    renamed = await projects.edit(scope, made.id, name="Dissertation")
    assert (renamed.name, renamed.meta) == ("Dissertation", {"stage": "draft"})
    moved = await projects.edit(scope, made.id, metadata={})
    assert (moved.name, moved.meta) == ("Dissertation", {})
    assert made.seq < renamed.seq < moved.seq == await head_of(scope)
    assert made.updated_at < renamed.updated_at < moved.updated_at


async def test_edits_at_the_same_time_all_count(scope: Scope) -> None:
    made = await projects.create(scope, "Thesis")
    edits = [projects.edit(scope, made.id, metadata={"step": step}) for step in range(5)]
    edited = await asyncio.gather(*edits, projects.edit(scope, made.id, name="Dissertation"))
    assert sorted(project.seq for project in edited) == [2, 3, 4, 5, 6, 7]
    (found,) = await projects.of_ids(scope, [made.id])
    assert found is not None
    assert (found.name, found.seq) == ("Dissertation", 7)


async def test_a_deleted_project_is_gone_and_its_sessions_stay(scope: Scope) -> None:
    made = await projects.create(scope, "Thesis")
    session, _ = await sessions.create(scope, NewSession(project_id=made.id))
    await projects.delete(scope, made.id)
    assert await projects.of_ids(scope, [made.id]) == [None]
    assert (await projects.page(scope, Span(10))).rows == []
    assert await sessions.get(scope, session.id) is not None
    for change in (projects.delete(scope, made.id), projects.edit(scope, made.id, name="Again")):
        with pytest.raises(NotFound):
            await change
    with pytest.raises(NotFound):
        await sessions.create(scope, NewSession(project_id=made.id))


async def test_a_stranger_sees_and_changes_nothing(scope: Scope, stranger: Scope) -> None:
    """1-55, 3-16, 3-35."""
    made = await projects.create(scope, "Thesis")
    assert await projects.of_ids(stranger, [made.id]) == [None]
    assert ((await projects.page(stranger, Span(10))).rows, await projects.count(stranger)) == ([], 0)
    assert await nodes.kinds(stranger, [made.id]) == {}
    for change in (projects.delete(stranger, made.id), projects.edit(stranger, made.id, name="Mine")):
        with pytest.raises(NotFound) as refused:
            await change
        assert refused.value.reason == str(NotFound("project"))
    with pytest.raises(NotFound):
        await sessions.create(stranger, NewSession(project_id=made.id))
    (found,) = await projects.of_ids(scope, [made.id])
    assert found is not None
    assert found.name == "Thesis"


@pytest.mark.parametrize("name", ["", "  ", "x" * 256])
async def test_a_name_has_between_1_and_255_characters(scope: Scope, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await projects.create(scope, name)
    assert refused.value.field == "name"
    assert await head_of(scope) == 0


async def test_projects_are_listed_newest_first_page_by_page(scope: Scope) -> None:
    """0-35, 0-57. A client's own ids say nothing of their age."""
    made = [await projects.create(scope, f"{number}", project_id=uuid4()) for number in range(5)][::-1]
    ids = [project.id for project in made]
    first = await projects.page(scope, Span(2))
    assert ([row.id for row in first.rows], first.has_previous, first.has_next) == (ids[:2], False, True)
    rest = await projects.page(scope, Span(10, after=(made[1].created_at, ids[1])))
    assert ([row.id for row in rest.rows], rest.has_previous, rest.has_next) == (ids[2:], True, False)
    last = await projects.page(scope, Span(2, backward=True))
    assert ([row.id for row in last.rows], last.has_previous, last.has_next) == (ids[3:], True, False)
    assert await projects.count(scope) == 5


async def test_each_project_has_its_own_sessions(scope: Scope) -> None:
    """0-41, 1-25."""
    one, two = [(await projects.create(scope, name)).id for name in ("one", "two")]
    mine = {
        project_id: (await sessions.create(scope, NewSession(project_id=project_id)))[0].id for project_id in (one, two)
    }
    for project_id, session_id in mine.items():
        where = Filter(project_id=project_id)
        page = (await sessions.page(scope, Span(10), where)).page
        assert [session.id for session in page.rows] == [session_id]
        assert await sessions.count(scope, where) == 1
