"""The list of sessions: every filter, every order, and the counts for badges."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest

from chat.conversation import memberships, messages, sessions
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.sessions import NewSession
from chat.library import agents, projects
from chat.scope import Scope
from db import listing, owned
from db.listing import Filter, SessionOrder
from db.models import Folder as FolderRow
from db.page import Span


async def titles(scope: Scope, where: Filter, order: SessionOrder = SessionOrder.TITLE) -> list[str | None]:
    """The titles of a list."""
    return [seen.title for seen in (await sessions.page(scope, Span(100), where, order)).page.rows]


async def folder(scope: Scope) -> UUID:
    """A folder of the viewer."""
    async with scope.tx() as tx:
        made = FolderRow(id=uuid4(), owner_id=scope.viewer.id, name="Work", position="8")
        return (await owned.add(tx, made)).id


async def test_each_filter_leaves_what_it_says_and_they_combine(scope: Scope, stranger: Scope) -> None:
    """1-8, 1-24, 1-25, 1-43, 1-46, 1-47, 1-49, 3-14."""
    work = await folder(scope)
    project, agent = await projects.create(scope, "Thesis"), await agents.create(scope, agents.Character(name="Critic"))
    made = {
        title: (await sessions.create(scope, NewSession(title=title, project_id=project_id, agent_id=agent_id)))[0].id
        for title, project_id, agent_id in (
            ("Apples", project.id, None),
            ("apple pie", None, agent.id),
            ("Pears", project.id, agent.id),
            ("100% sure_", None, None),
        )
    }
    await sessions.edit(
        scope, made["Apples"], personal=Personal(pinned=True, folder=Folder(work), tags=["fruit", "red"])
    )
    await sessions.edit(scope, made["apple pie"], personal=Personal(starred=True, tags=["fruit"]))
    await sessions.edit(scope, made["Pears"], personal=Personal(archived=True))
    await memberships.mark_unread(scope, made["100% sure_"])
    await messages.send(scope, made["Pears"], "Are they ripe?")
    everything = ["100% sure_", "apple pie", "Apples", "Pears"]
    wanted = {
        Filter(): everything,
        Filter(project_id=project.id): ["Apples", "Pears"],
        Filter(agent_id=agent.id): ["apple pie", "Pears"],
        Filter(folder_id=work): ["Apples"],
        Filter(filed=False): ["100% sure_", "apple pie", "Pears"],
        Filter(tags=("fruit",)): ["apple pie", "Apples"],
        Filter(tags=("fruit", "red")): ["Apples"],
        Filter(pinned=True): ["Apples"],
        Filter(pinned=False): ["100% sure_", "apple pie", "Pears"],
        Filter(starred=True): ["apple pie"],
        Filter(archived=True): ["Pears"],
        Filter(archived=False): ["100% sure_", "apple pie", "Apples"],
        Filter(unread=True): ["100% sure_"],
        Filter(unread=False): ["apple pie", "Apples", "Pears"],
        Filter(running=True): ["Pears"],
        Filter(running=False): ["100% sure_", "apple pie", "Apples"],
        Filter(title="APPLE"): ["apple pie", "Apples"],
        Filter(title="%"): ["100% sure_"],
        Filter(title="e_"): ["100% sure_"],
        Filter(title="apple", starred=True, tags=("fruit",)): ["apple pie"],
        Filter(project_id=project.id, archived=False, title="pear"): [],
        Filter(folder_id=uuid4()): [],
    }
    for where, found in wanted.items():
        assert await titles(scope, where) == found, where
        assert await sessions.count(scope, where) == len(found), where
        assert await titles(stranger, where) == [], where
    assert dict(await sessions.counts(scope, Filter())) == {
        "total": 4,
        "unread": 1,
        "running": 1,
        "pinned": 1,
        "starred": 1,
        "archived": 1,
    }
    assert (await sessions.counts(scope, Filter(archived=False)))["running"] == 0
    assert (await sessions.counts(stranger, Filter()))["total"] == 0


@pytest.mark.parametrize("order", SessionOrder)
async def test_pages_of_every_order_give_the_whole_list_in_both_directions(scope: Scope, order: SessionOrder) -> None:
    for title in ("b", None, "B", "a", None, "ä", "c"):
        await sessions.create(scope, NewSession(title=title))
    whole = (await sessions.page(scope, Span(100), Filter(), order)).page.rows
    assert len(whole) == 7
    for backward in (False, True):
        seen: list[UUID] = []
        edge: tuple[datetime | str, UUID] | None = None
        while True:
            span = Span(2, before=edge, backward=True) if backward else Span(2, after=edge)
            page = (await sessions.page(scope, span, Filter(), order)).page
            ids = [each.id for each in page.rows]
            seen = ids + seen if backward else seen + ids
            if not (page.has_previous if backward else page.has_next):
                break
            edge = listing.place(order, page.rows[0 if backward else -1])
        assert seen == [each.id for each in whole]


async def test_orders_are_what_they_are_called(scope: Scope) -> None:
    for title in ("pear", "Apple", "quince"):
        await sessions.create(scope, NewSession(title=title))
    (apple,) = (await sessions.page(scope, Span(1), Filter(title="apple"))).page.rows
    await messages.post(scope, apple.id, "Red or green?")
    assert await titles(scope, Filter(), SessionOrder.ACTIVITY) == ["Apple", "quince", "pear"]
    assert await titles(scope, Filter(), SessionOrder.CREATED) == ["quince", "Apple", "pear"]
    assert await titles(scope, Filter(), SessionOrder.TITLE) == ["Apple", "pear", "quince"]
    await memberships.move(scope, apple.id, None)
    assert await titles(scope, Filter(), SessionOrder.POSITION) == ["quince", "pear", "Apple"]
