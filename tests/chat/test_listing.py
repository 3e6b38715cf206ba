"""Lists of sessions: newest activity first, page by page, filtered."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from chat.conversation import messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import projects
from chat.scope import Scope
from db.listing import Filter
from db.models import Agent
from db.page import Span
from db.rows import Seen
from tests.chat.conftest import head_of

EVERYTHING = Filter()


async def begin(
    scope: Scope, count: int, *, project_id: UUID | None = None, agent_id: UUID | None = None
) -> list[UUID]:
    """Sessions, the newest first."""
    new = NewSession(project_id=project_id, agent_id=agent_id)
    made = [await messages.send(scope, new, f"{number}") for number in range(count)]
    return [sent.message.session_id for sent in made][::-1]


async def listed(
    scope: Scope, where: Filter = EVERYTHING, span: Span[tuple[datetime, UUID]] | None = None
) -> list[UUID]:
    """The sessions of a page."""
    page = (await sessions.page(scope, span or Span(100), where)).page
    return [session.id for session in page.rows]


def key(seen: Seen) -> tuple[datetime, UUID]:
    """The place of a session in its list."""
    return seen.last_activity_at, seen.id


async def test_sessions_are_listed_by_their_newest_activity(scope: Scope) -> None:
    """0-34, 1-8, 1-31, 3-14, 3-20."""
    newest, middle, oldest = await begin(scope, 3)
    assert await listed(scope) == [newest, middle, oldest]
    await messages.send(scope, oldest, "Once more")
    assert await listed(scope) == [oldest, newest, middle]
    await sessions.edit(scope, middle, title="An edit is no activity")
    assert await listed(scope) == [oldest, newest, middle]


async def test_pages_follow_each_other_in_both_directions(scope: Scope) -> None:
    """2-43."""
    ids = await begin(scope, 7)
    first = (await sessions.page(scope, Span(3), EVERYTHING)).page
    assert ([session.id for session in first.rows], first.has_previous, first.has_next) == (ids[:3], False, True)
    second = (await sessions.page(scope, Span(3, after=key(first.rows[-1])), EVERYTHING)).page
    assert ([session.id for session in second.rows], second.has_previous, second.has_next) == (ids[3:6], True, True)
    third = (await sessions.page(scope, Span(3, after=key(second.rows[-1])), EVERYTHING)).page
    assert ([session.id for session in third.rows], third.has_next) == (ids[6:], False)
    back = (await sessions.page(scope, Span(3, before=key(third.rows[0]), backward=True), EVERYTHING)).page
    assert ([session.id for session in back.rows], back.has_previous, back.has_next) == (ids[3:6], True, True)
    last = (await sessions.page(scope, Span(3, backward=True), EVERYTHING)).page
    assert ([session.id for session in last.rows], last.has_previous, last.has_next) == (ids[4:], True, False)


async def test_the_next_page_repeats_nothing_while_sessions_move_up(scope: Scope) -> None:
    ids = await begin(scope, 6)
    first = (await sessions.page(scope, Span(3), EVERYTHING)).page
    edge = key(first.rows[-1])
    await messages.send(scope, ids[1], "Moves within the first page")
    await messages.send(scope, ids[2], "Was the edge itself")
    await messages.send(scope, ids[4], "Moves from the second page to the top")
    await begin(scope, 1)
    assert await listed(scope, span=Span(3, after=edge)) == [ids[3], ids[5]]


async def test_a_list_is_filtered_by_project_agent_and_put_away(scope: Scope) -> None:
    """0-41, 1-24, 1-25, 1-43, 1-49, 3-14."""
    project = await projects.create(scope, "Thesis")
    async with scope.process.db.system() as tx:
        agent_id = (await tx.scalars(select(Agent.id))).one()
    plain, grouped, answered, both = (
        await begin(scope, 1)
        + await begin(scope, 1, project_id=project.id)
        + await begin(scope, 1, agent_id=agent_id)
        + await begin(scope, 1, project_id=project.id, agent_id=agent_id)
    )
    await sessions.edit(scope, grouped, personal=Personal(archived=True))
    expected: dict[Filter, list[UUID]] = {
        EVERYTHING: [both, answered, grouped, plain],
        Filter(project_id=project.id): [both, grouped],
        Filter(agent_id=agent_id): [both, answered],
        Filter(project_id=project.id, agent_id=agent_id): [both],
        Filter(archived=True): [grouped],
        Filter(archived=False): [both, answered, plain],
        Filter(project_id=project.id, archived=False): [both],
        Filter(project_id=uuid4()): [],
    }
    for where, ids in expected.items():
        assert await listed(scope, where) == ids
        assert await sessions.count(scope, where) == len(ids)


async def test_a_list_tells_where_the_account_stood(scope: Scope) -> None:
    await begin(scope, 2)
    found = await sessions.page(scope, Span(10), EVERYTHING)
    assert (found.epoch, found.head) == (1, await head_of(scope))


async def test_a_stranger_has_a_list_of_their_own(scope: Scope, stranger: Scope) -> None:
    """1-53."""
    project = await projects.create(scope, "Thesis")
    mine = await begin(scope, 2, project_id=project.id)
    theirs = await begin(stranger, 1)
    assert (await listed(scope), await listed(stranger)) == (mine, theirs)
    assert await listed(stranger, Filter(project_id=project.id)) == []
    assert await sessions.count(stranger, Filter(project_id=project.id)) == 0


@pytest.mark.parametrize("backward", [False, True])
async def test_an_empty_list_is_one_empty_page(scope: Scope, *, backward: bool) -> None:
    page = (await sessions.page(scope, Span(10, backward=backward), EVERYTHING)).page
    assert (page.rows, page.has_previous, page.has_next) == ([], False, False)
