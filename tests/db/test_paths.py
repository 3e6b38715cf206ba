"""Pages along a path: the same as walking up from its end, at the cost of the page alone."""

from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.conversation import messages
from chat.conversation.messages import PathKey
from chat.scope import Scope
from db import branches, paths, rows
from db import messages as message_rows
from db.page import Page, Span
from tests.db import plans
from tests.db.trees import Tree, plant

BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def trees(draw: st.DrawFn) -> list[int | None]:
    """What each message follows: mostly the one before it, else any, else none."""
    follows: list[int | None] = [None]
    for index in range(1, draw(st.integers(1, 24))):
        follows.append(draw(st.one_of(st.just(index - 1), st.integers(0, index - 1), st.none())))
    return follows


@BOUNDED
@given(follows=trees(), data=st.data())
async def test_a_page_is_what_the_walk_up_from_the_end_gives(
    quiet: Scope, follows: list[int | None], data: st.DataObject
) -> None:
    """2-43, 2-58."""
    tree = await plant(quiet, follows)
    number = data.draw(st.sampled_from(sorted(tree.paths)))
    path = tree.paths[number]
    depths = st.none() | st.integers(0, len(path) + 1)
    after, before = data.draw(depths), data.draw(depths)
    limit, backward = data.draw(st.integers(1, 30)), data.draw(st.booleans())

    span = Span(
        limit,
        after=PathKey(number, -1 if after is None else after),
        before=None if before is None else PathKey(number, before),
        backward=backward,
    )
    found, branch = await messages.page(quiet, tree.session_id, span)

    low, high = 0 if after is None else after + 1, len(path) if before is None else before
    between = list(range(len(path)))[low : max(low, high)]
    taken = between[-limit:] if backward else between[:limit]
    assert branch == number
    assert [message.id for message in found.rows] == [path[depth] for depth in taken]
    if taken:
        assert (found.has_previous, found.has_next) == (taken[0] > 0, taken[-1] < len(path) - 1)


@BOUNDED
@given(follows=trees(), limit=st.integers(1, 6))
async def test_pages_one_after_the_other_give_every_path_in_both_directions(
    quiet: Scope, follows: list[int | None], limit: int
) -> None:
    tree = await plant(quiet, follows)
    async with quiet.tx(snapshot=True) as tx:
        for number, path in tree.paths.items():
            branch = await branches.get(tx, tree.session_id, number)
            assert branch is not None
            assert await message_rows.depth(tx, tree.session_id, number) == len(path)
            for backward in (False, True):
                assert await _read_through(quiet, tree.session_id, number, limit, backward=backward) == list(path)


async def _read_through(scope: Scope, session_id: UUID, branch: int, limit: int, *, backward: bool) -> list[Any]:
    """The whole path, page by page, until a page says that it is the last."""
    read: list[rows.Message] = []
    while True:
        edge = (read[0] if backward else read[-1]).depth if read else None
        span = Span(limit, before=edge, backward=True) if backward else Span(limit, after=edge)
        found = await paths.page(scope.reader, session_id, branch, span)
        assert found is not None
        page = found.page
        assert (page.has_next if backward else page.has_previous) is bool(read)
        read = [*page.rows, *read] if backward else [*read, *page.rows]
        if not (page.has_previous if backward else page.has_next):
            return [message.id for message in read]


@BOUNDED
@given(follows=trees())
async def test_the_branches_of_a_tree_are_as_few_as_its_leaves(quiet: Scope, follows: list[int | None]) -> None:
    tree = await plant(quiet, follows)
    leaves = set(tree.parents) - set(tree.parents.values())
    assert {path[-1] for path in tree.paths.values()} == leaves
    assert sorted(tree.paths) == list(range(len(leaves)))


async def test_an_empty_path_has_one_empty_page(quiet: Scope) -> None:
    tree = await plant(quiet, [])
    for backward in (False, True):
        page, branch = await messages.page(quiet, tree.session_id, Span(10, backward=backward))
        assert (page, branch) == (Page([], has_previous=False, has_next=False), 0)


async def test_pages_before_the_first_and_after_the_last_message_are_empty(quiet: Scope) -> None:
    tree = await plant(quiet, [None, 0, 1])
    nothing: list[tuple[Span[PathKey], tuple[bool, bool]]] = [
        (Span(10, after=PathKey(0, 2)), (True, False)),
        (Span(10, after=PathKey(0, 99)), (True, False)),
        (Span(10, before=PathKey(0, 0), backward=True), (False, True)),
        (Span(10, before=PathKey(0, -99), backward=True), (False, True)),
    ]
    for span, bounds in nothing:
        page, _ = await messages.page(quiet, tree.session_id, span)
        assert (list(page.rows), (page.has_previous, page.has_next)) == ([], bounds)


@pytest.mark.parametrize("backward", [False, True])
async def test_a_page_costs_what_it_holds(quiet: Scope, large: Tree, *, backward: bool) -> None:
    """2-41, 2-69, 4-32: whatever the length of the path, however often it is forked, whatever else the viewer has."""
    async with quiet.tx(snapshot=True) as tx:
        branch = await branches.get(tx, large.session_id, 199)
        assert branch is not None
        depth = await message_rows.depth(tx, large.session_id, 199)
        assert (len(branch.lineage), depth > 800) == (181, True)
        for edge in (None, depth // 4, depth // 2, depth):
            span = Span(50, before=edge, backward=True) if backward else Span(50, after=edge)
            held = min(50, depth if edge is None else edge if backward else depth - edge)
            path, scans = await plans.of_reader(
                quiet.reader, partial(paths.page, session_id=large.session_id, branch=199, span=span)
            )
            assert path is not None
            assert len(path.page.rows) == held
            _frugal(scans, held + 2)


def _frugal(scans: list[plans.Scan], rows: int) -> None:
    assert plans.whole(scans) == set()
    assert plans.read(scans, "messages") <= rows + 4
    assert plans.read(scans, "memberships") <= rows + 2
