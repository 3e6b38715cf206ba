"""Pages of lists, walked from both ends, as Relay clients do."""

from typing import Any
from uuid import uuid4

import pytest

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served
from tests.server.tokens import SECRET, token

COUNT = 7
PAGE = """
  totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node { id } }
"""
ARGUMENTS = "first: $first, after: $after, last: $last, before: $before"
VARIABLES = "$first: Int, $after: PageCursor, $last: Int, $before: PageCursor"
LISTS = {
    "projects": f"query ({VARIABLES}) {{ list: projects({ARGUMENTS}) {{ {PAGE} }} }}",
    "sessions": f"query ({VARIABLES}) {{ list: sessions({ARGUMENTS}) {{ {PAGE} }} }}",
    "messages": f"query ($id: ID!, {VARIABLES}) {{ session(id: $id) {{ list: messages({ARGUMENTS}) {{ {PAGE} }} }} }}",
}


class Shelf:
    """One list with its items in the order in which they come."""

    def __init__(self, caller: Caller, document: str, items: list[str], **variables: str) -> None:
        self.caller = caller
        self.document = document
        self.items = items
        self._variables = variables

    async def page(self, **arguments: object) -> Any:
        data = await self.caller.get(self.document, **self._variables, **arguments)
        return (data.get("session") or data)["list"]

    async def refused(self, **arguments: object) -> tuple[list[str], list[str]]:
        answer = await self.caller.ask(self.document, **self._variables, **arguments)
        assert answer.status == 200
        return answer.codes, [error["message"] for error in answer.errors]


@pytest.fixture(scope="module")
async def served(start: Start) -> Any:
    async with start(jwt_secret=SECRET) as served:
        yield served


@pytest.fixture(scope="module")
async def shelves(served: Served) -> Any:
    """A list of each kind, with seven items."""
    async with Caller.at(served.graphql, token("ada")) as ada:
        projects, messages, sessions = [], [], []
        for number in range(COUNT):
            made = await ada.get(
                "mutation ($name: String!) { createProject(input: {name: $name}) {"
                " ... on ProjectPayload { project { id } } } }",
                name=str(number),
            )
            projects.append(made["createProject"]["project"]["id"])
            sent = await ada.send("Hello", reply=False)
            sessions.append(sent["session"]["id"])
        for number in range(COUNT - 1):
            messages.append((await ada.send(str(number), reply=False, sessionId=sessions[-1]))["message"]["id"])
        yield {
            "projects": Shelf(ada, LISTS["projects"], projects[::-1]),
            "sessions": Shelf(ada, LISTS["sessions"], sessions[::-1]),
            "messages": Shelf(ada, LISTS["messages"], [sent["message"]["id"], *messages], id=sessions[-1]),
        }


@pytest.fixture(params=LISTS)
def shelf(shelves: dict[str, Shelf], request: pytest.FixtureRequest) -> Shelf:
    return shelves[request.param]


def ids(page: Any) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


async def test_all_pages_forward_are_the_list(shelf: Shelf) -> None:
    found: list[str] = []
    after = None
    while True:
        page = await shelf.page(first=3, after=after)
        found += ids(page)
        info = page["pageInfo"]
        assert page["totalCount"] == COUNT
        assert info["hasPreviousPage"] is (after is not None)
        assert [info["startCursor"], info["endCursor"]] == [page["edges"][0]["cursor"], page["edges"][-1]["cursor"]]
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]

    assert found == shelf.items


async def test_all_pages_backward_are_the_list(shelf: Shelf) -> None:
    found: list[str] = []
    before = None
    while True:
        page = await shelf.page(last=3, before=before)
        found = ids(page) + found
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]

    assert found == shelf.items


async def test_a_page_between_two_cursors_is_what_lies_between_them(shelf: Shelf) -> None:
    edges = (await shelf.page())["edges"]

    page = await shelf.page(after=edges[1]["cursor"], before=edges[5]["cursor"])

    assert ids(page) == shelf.items[2:5]


async def test_without_arguments_it_is_the_beginning(shelf: Shelf) -> None:
    page = await shelf.page()

    assert ids(page) == shelf.items
    assert page["pageInfo"]["hasNextPage"] is page["pageInfo"]["hasPreviousPage"] is False


@pytest.mark.parametrize("end", ["first", "last"])
async def test_a_page_behind_the_end_is_empty(shelf: Shelf, end: str) -> None:
    edges = (await shelf.page())["edges"]
    behind = {"first": {"after": edges[-1]["cursor"]}, "last": {"before": edges[0]["cursor"]}}[end]

    page = await shelf.page(**{end: 2}, **behind)

    assert page["edges"] == []
    assert page["totalCount"] == COUNT
    assert [page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]] == [None, None]


@pytest.mark.parametrize("end", ["first", "last"])
@pytest.mark.parametrize("count", [0, -1, 101, 1000])
async def test_a_page_has_from_1_to_100_items(shelf: Shelf, end: str, count: int) -> None:
    assert await shelf.refused(**{end: count}) == (["BAD_USER_INPUT"], [f"`{end}` is a number from 1 to 100."])


async def test_a_page_has_one_end(shelf: Shelf) -> None:
    assert await shelf.refused(first=1, last=1) == (
        ["BAD_USER_INPUT"],
        ["Ask for `first` or for `last`, not for both."],
    )


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        "!!",
        "ä",
        "bnVsbA",  # null
        "W10",  # []
        "WyJwcm9qZWN0Il0",  # ["project"]
        "WyJzZXNzaW9uIl0",  # ["session"]
        "WyJtZXNzYWdlIl0",  # ["message"]
        "WyJwcm9qZWN0IiwgIjQyIl0",  # ["project", "42"]
        "WyJwcm9qZWN0IiwgNDJd",  # ["project", 42]
        "WyJzZXNzaW9uIiwgIm5vdyIsICI0MiJd",  # ["session", "now", "42"]
        "WyJtZXNzYWdlIiwgIjAiLCAiMSJd",  # ["message", "0", "1"]
        "WyJtZXNzYWdlIiwgMCwgMWU5OV0",  # ["message", 0, 1e99]
        "WyJtZXNzYWdlIiwgMCwgMTE4MDU5MTYyMDcxNzQxMTMwMzQyNF0",  # ["message", 0, 2**70]
        "WyJtZXNzYWdlIiwgMCwgLTFd",  # ["message", 0, -1]
        "x" * 10_000,
    ],
)
async def test_what_is_no_cursor_of_the_list_is_refused(shelf: Shelf, argument: str, cursor: str) -> None:
    assert await shelf.refused(**{argument: cursor}) == (
        ["BAD_USER_INPUT"],
        [f"`{argument}` is no cursor of this list. Use one from its `edges` or `pageInfo`."],
    )


async def test_a_cursor_of_another_list_is_refused(shelves: dict[str, Shelf]) -> None:
    for name, shelf in shelves.items():
        cursor = (await shelf.page(first=1))["pageInfo"]["endCursor"]
        for other in shelves.keys() - {name}:
            assert (await shelves[other].refused(after=cursor))[0] == ["BAD_USER_INPUT"]


async def test_a_stranger_counts_nothing(served: Served, shelves: dict[str, Shelf]) -> None:
    async with Caller.at(served.graphql, token(uuid4().hex)) as stranger:
        for name in ("projects", "sessions"):
            cursor = (await shelves[name].page(first=1))["pageInfo"]["endCursor"]
            page = (await stranger.get(LISTS[name], after=cursor))["list"]
            assert (page["totalCount"], page["edges"]) == (0, [])
        listed = await stranger.get(LISTS["messages"], id=shelves["sessions"].items[0])
        assert listed == {"session": None}
