"""What sidebars and dashboards ask for: lists by every filter and in every order, badges, stages, full agents."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLInputObjectType

from db.listing import SessionOrder
from resolvers.root import api
from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served
from tests.server.tokens import SECRET, token
from tests.server.uses import MUTATIONS, Use


@pytest.fixture(scope="module")
async def served(start: Start) -> AsyncIterator[Served]:
    async with start(jwt_secret=SECRET) as served:
        yield served


@pytest.fixture(scope="module")
async def ada(served: Served) -> AsyncIterator[Caller]:
    """Who has `SHELF`."""
    async with Caller.at(served.graphql, token("ada")) as caller:
        yield caller


@pytest.fixture(scope="module")
async def eve(served: Served) -> AsyncIterator[Caller]:
    """Somebody else, who has nothing."""
    async with Caller.at(served.graphql, token("eve")) as caller:
        yield caller


@pytest.fixture
async def somebody(served: Served) -> AsyncIterator[Caller]:
    """A new account."""
    async with Caller.at(served.graphql, token(str(uuid4()))) as caller:
        yield caller


async def do(caller: Caller, mutation: str, /, **input: object) -> None:
    """Makes a mutation that goes well."""
    done = await caller.change(mutation, **input)
    assert done.endswith("Payload"), done


async def reply(caller: Caller, session: str, *, whole: bool = True) -> None:
    """Says something in a session, and has an app reply to it: to the end, or not yet."""
    message, run = str(uuid4()), str(uuid4())
    await do(caller, "sendMessage", id=message, sessionId=session, text="Ripe?", reply=False)
    await do(caller, "startRun", id=run, messageId=message)
    if whole:
        await do(caller, "appendToRun", id=run, epoch=1, fromSeq=1, events=[{"text": "Yes."}])
        await do(caller, "finishRun", id=run, epoch=1, lastSeq=1)


SHELF: dict[str, dict[str, Any]] = {
    "100% sure_": {"starred": True},
    "apple pie": {"agentId": "$agent", "starred": True, "tags": ["fruit"]},
    "Apples": {"projectId": "$project", "folderId": "$folder", "pinned": True, "tags": ["fruit", "red"]},
    "Old plums": {"folderId": "$within", "archived": True, "tags": ["red"]},
    "Pears": {"projectId": "$project", "agentId": "$agent"},
}
"""Sessions by their titles, in that order, and what they are edited to. The first is unread, the last is running."""
BADGES = {
    "unread": {"100% sure_"},
    "running": {"Pears"},
    "pinned": {"Apples"},
    "starred": {"100% sure_", "apple pie"},
    "archived": {"Old plums"},
}


@pytest.fixture(scope="module")
async def ids(ada: Caller) -> Mapping[str, str]:
    """The ids of Ada's sessions, and of what they are in."""
    ids = {name: str(uuid4()) for name in ("project", "agent", "folder", "within", *SHELF)}
    await do(ada, "createProject", id=ids["project"], name="Orchard")
    await do(ada, "createAgent", id=ids["agent"], name="Gardener")
    await do(ada, "createFolder", id=ids["folder"], name="Fruit")
    await do(ada, "createFolder", id=ids["within"], name="Dried", parentId=ids["folder"])
    for title, edits in SHELF.items():
        await do(ada, "createSession", id=ids[title], title=title)
        await do(ada, "editSession", id=ids[title], **Use("", edits).filled(ids))
    await reply(ada, ids["100% sure_"])
    await reply(ada, ids["Pears"], whole=False)
    return ids


def but(*titles: str) -> list[str]:
    """The titles of all others."""
    return [title for title in SHELF if title not in titles]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, [*SHELF]),
    ({"projectId": "$project"}, ["Apples", "Pears"]),
    ({"agentId": "$agent"}, ["apple pie", "Pears"]),
    ({"folderId": "$folder"}, ["Apples"]),
    ({"folderId": "$within"}, ["Old plums"]),
    ({"folderId": None}, but("Apples", "Old plums")),
    ({"tags": ["fruit"]}, ["apple pie", "Apples"]),
    ({"tags": ["red", "fruit"]}, ["Apples"]),
    ({"tags": []}, [*SHELF]),
    *(({name: True}, sorted(titles, key=str.lower)) for name, titles in BADGES.items()),
    *(({name: False}, but(*titles)) for name, titles in BADGES.items()),
    ({"title": "APPLE"}, ["apple pie", "Apples"]),
    ({"title": "%"}, ["100% sure_"]),
    ({"title": "e_"}, ["100% sure_"]),
    ({"title": ""}, [*SHELF]),
    ({"projectId": None, "tags": None, "pinned": None, "title": None}, [*SHELF]),
    ({"projectId": "$project", "agentId": "$agent", "running": True}, ["Pears"]),
    ({"tags": ["fruit"], "starred": True, "title": "pie", "archived": False}, ["apple pie"]),
    ({"folderId": None, "agentId": "$agent", "unread": True}, []),
]
LIST = """query ($filter: SessionFilter) { sessions(filter: $filter, orderBy: TITLE) {
    totalCount counts { total unread running pinned starred archived } edges { node { title } }
} }"""


def test_no_filter_is_left_out_here() -> None:
    filter = api._schema.get_type("SessionFilter")
    assert isinstance(filter, GraphQLInputObjectType)
    assert {name for asked, _ in FILTERS for name in asked} == set(filter.fields)


@pytest.mark.parametrize(("asked", "found"), FILTERS)
async def test_a_filter_leaves_exactly_what_it_says_and_its_badges_count_that(
    ada: Caller, eve: Caller, ids: Mapping[str, str], asked: dict[str, Any], found: list[str]
) -> None:
    """1-8, 1-24, 1-25, 1-43, 1-46, 1-47, 1-49, 3-14."""
    filter = Use("", asked).filled(ids)
    mine = (await ada.get(LIST, filter=filter))["sessions"]
    theirs = (await eve.get(LIST, filter=filter))["sessions"]

    badges = {name: len(titles.intersection(found)) for name, titles in BADGES.items()}
    assert [edge["node"]["title"] for edge in mine["edges"]] == found
    assert (mine["totalCount"], mine["counts"]) == (len(found), {"total": len(found), **badges})
    assert (theirs["edges"], theirs["totalCount"], set(theirs["counts"].values())) == ([], 0, {0})


ORDERS = {
    "ACTIVITY": ["Mango", "Quince", "cherry"],
    "CREATED": ["Quince", "cherry", "Mango"],
    "TITLE": ["cherry", "Mango", "Quince"],
    "POSITION": ["cherry", "Quince", "Mango"],
}
"""What comes first of `three`."""
PAGE = """query ($order: SessionOrder!, $first: Int, $after: PageCursor, $last: Int, $before: PageCursor) {
    sessions(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { title } } pageInfo { hasPreviousPage hasNextPage startCursor endCursor }
    } }"""
MOVE = "mutation ($id: ID!, $before: ID) { moveSession(id: $id, beforeId: $before) { __typename } }"
FORWARD, BACKWARD = ("first", "after"), ("last", "before")


@pytest.fixture(scope="module")
async def three(served: Served) -> AsyncIterator[Caller]:
    """Who has three sessions: the first was written to last, the second was put before the third."""
    async with Caller.at(served.graphql, token("max")) as caller:
        ids = {title: str(uuid4()) for title in ("Mango", "cherry", "Quince")}
        for title, id_ in ids.items():
            await do(caller, "createSession", id=id_, title=title)
        await do(caller, "sendMessage", sessionId=ids["Mango"], text="Ripe?", reply=False)
        moved = await caller.get(MOVE, id=ids["cherry"], before=ids["Quince"])
        assert moved == {"moveSession": {"__typename": "SessionPayload"}}
        yield caller


async def walked(caller: Caller, order: str, number: str, place: str) -> list[tuple[str, bool, bool]]:
    """Three pages of one session: its title, whether there is something before it, and whether behind it."""
    seen = list[tuple[str, bool, bool]]()
    cursor: str | None = None
    for _ in range(3):
        page = (await caller.get(PAGE, order=order, **{number: 1, place: cursor}))["sessions"]
        (edge,), info = page["edges"], page["pageInfo"]
        cursor = edge["cursor"]
        assert info["startCursor"] == info["endCursor"] == cursor
        seen.append((edge["node"]["title"], info["hasPreviousPage"], info["hasNextPage"]))
    return seen


@pytest.mark.parametrize("order", [order.name for order in SessionOrder])
async def test_pages_of_one_go_through_every_order_and_back(three: Caller, order: str) -> None:
    first, second, third = ORDERS[order]
    there = [(first, False, True), (second, True, True), (third, True, False)]

    assert await walked(three, order, *FORWARD) == there
    assert await walked(three, order, *BACKWARD) == there[::-1]


@pytest.mark.parametrize("order", [order.name for order in SessionOrder])
async def test_a_cursor_of_another_order_is_refused(three: Caller, order: str) -> None:
    for other in ORDERS.keys() - {order}:
        cursor = (await three.get(PAGE, order=other, first=1))["sessions"]["pageInfo"]["endCursor"]
        for number, place in (FORWARD, BACKWARD):
            answer = await three.ask(PAGE, order=order, **{number: 1, place: cursor})

            assert (answer.data, answer.codes) == (None, ["BAD_USER_INPUT"]), other
            assert answer.errors[0]["message"] == (
                f"`{place}` is no cursor of this list. Use one from its `edges` or `pageInfo`."
            )


DASHBOARD = """query ($project: ID!, $agent: ID!) {
    project(id: $project) { ...Card }
    projects { edges { node { ...Card } } }
    agent(id: $agent) { sessionCount }
}
fragment Card on Project { name sessionCount unreadCount latestSession { title } }"""


async def test_projects_and_agents_say_how_many_sessions_are_in_them_and_which_is_the_latest(
    somebody: Caller, eve: Caller
) -> None:
    """0-34, 0-40: put away and deleted ones do not count, however new they are."""
    titles = ("one", "two", "three", "put away", "deleted")
    ids = {name: str(uuid4()) for name in ("project", "empty", "agent", *titles)}
    await do(somebody, "createProject", id=ids["project"], name="Orchard")
    await do(somebody, "createProject", id=ids["empty"], name="Empty")
    await do(somebody, "createAgent", id=ids["agent"], name="Gardener")
    for title in titles:
        with_agent = {} if title == "two" else {"agentId": ids["agent"]}
        await do(somebody, "createSession", id=ids[title], title=title, projectId=ids["project"], **with_agent)
    for title in ("two", "put away", "deleted"):
        await reply(somebody, ids[title])
    await do(somebody, "editSession", id=ids["put away"], archived=True)
    gone = await somebody.get(MUTATIONS["deleteSession"].document, id=ids["deleted"])
    assert gone["deleteSession"]["__typename"] == "DeleteSessionPayload"

    shown = {"project": ids["project"], "agent": ids["agent"]}
    card = {"name": "Orchard", "sessionCount": 3, "unreadCount": 1, "latestSession": {"title": "two"}}
    empty = {"name": "Empty", "sessionCount": 0, "unreadCount": 0, "latestSession": None}
    told = await somebody.get(DASHBOARD, **shown)
    listed = {edge["node"]["name"]: edge["node"] for edge in told["projects"]["edges"]}
    assert (told["project"], told["agent"], listed) == (card, {"sessionCount": 2}, {"Orchard": card, "Empty": empty})
    assert await eve.get(DASHBOARD, **shown) == {"project": None, "projects": {"edges": []}, "agent": None}


async def test_an_agent_for_everybody_counts_ones_own_sessions(somebody: Caller, eve: Caller) -> None:
    """0-34, 3-35."""
    listed = await somebody.get("{ agents { edges { node { id shared } } } }")
    ((agent, shared),) = [edge["node"].values() for edge in listed["agents"]["edges"]]
    for _ in range(2):
        await do(somebody, "createSession", agentId=agent)

    counting = "query ($id: ID!) { agent(id: $id) { sessionCount } }"
    told = [(await caller.get(counting, id=agent))["agent"]["sessionCount"] for caller in (somebody, eve)]
    assert (shared, told) == (True, [2, 0])


async def test_the_stages_of_a_project_are_set_whole_and_read_back(somebody: Caller, eve: Caller) -> None:
    """0-40."""
    project = str(uuid4())

    async def stages(caller: Caller) -> list[tuple[str, str]] | None:
        document = "query ($id: ID!) { project(id: $id) { stages { name status } } }"
        found = (await caller.get(document, id=project))["project"]
        return found and [(stage["name"], stage["status"]) for stage in found["stages"]]

    def given(**statuses: str) -> list[dict[str, str]]:
        return [{"name": name, "status": status} for name, status in statuses.items()]

    await do(somebody, "createProject", id=project, name="Orchard", stages=given(Plant="ACTIVE", Prune="PENDING"))
    assert await stages(somebody) == [("Plant", "ACTIVE"), ("Prune", "PENDING")]
    await do(somebody, "editProject", id=project, stages=given(Plant="COMPLETE", Prune="BLOCKED", Reap="PENDING"))
    after = [("Plant", "COMPLETE"), ("Prune", "BLOCKED"), ("Reap", "PENDING")]
    assert await stages(somebody) == after
    await do(somebody, "editProject", id=project, name="Grove")
    assert (await stages(somebody), await stages(eve)) == (after, None)
    await do(somebody, "editProject", id=project, stages=[])
    assert await stages(somebody) == []


async def test_an_agent_that_is_full_refuses_or_archives_as_it_is_told(somebody: Caller) -> None:
    """3-8, 3-13."""
    refuses, archives = str(uuid4()), str(uuid4())

    async def begin(agent: str, title: str) -> tuple[str, list[str], list[str]]:
        """What comes of one more session; and the titles of those that are active then, and of those put away."""
        done = await somebody.change("createSession", agentId=agent, title=title)
        lists = [
            (await somebody.get(LIST, filter={"agentId": agent, "archived": archived}))["sessions"]["edges"]
            for archived in (False, True)
        ]
        active, archived = [[edge["node"]["title"] for edge in edges] for edges in lists]
        return done, active, archived

    await do(somebody, "createAgent", id=refuses, name="Strict", activeSessions=1)
    await do(somebody, "createAgent", id=archives, name="Tidy", activeSessions=1, whenFull="ARCHIVE_OLDEST")
    for agent in (refuses, archives):
        assert await begin(agent, "one") == ("SessionPayload", ["one"], [])
    assert await begin(refuses, "two") == ("QuotaExceeded", ["one"], [])
    assert await begin(archives, "two") == ("SessionPayload", ["two"], ["one"])

    await do(somebody, "editAgent", id=refuses, whenFull="ARCHIVE_OLDEST")
    await do(somebody, "editAgent", id=archives, whenFull="REJECT")
    for agent in (refuses, archives):
        await do(somebody, "editAgent", id=agent, description="What is left out stays.")
    assert await begin(refuses, "three") == ("SessionPayload", ["three"], ["one"])
    assert await begin(archives, "three") == ("QuotaExceeded", ["two"], ["one"])
