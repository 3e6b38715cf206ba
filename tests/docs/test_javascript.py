"""The JavaScript of the guide shows what a fresh query gives: branches, pages, siblings, lists and badges."""

import json
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.docs.conftest import Api, run
from tests.docs.test_protocol import BEGIN, REDUCER, WINDOW, reduced
from tests.server.served import Served

SIDEBAR = ("docs/guide/javascript.md", "sidebar.mjs")
ACCOUNT = ("docs/guide/javascript.md", "account.mjs")
SAY = """mutation ($id: ID!, $session: ID!, $text: String!, $parent: ID) {
    sendMessage(input: {id: $id, sessionId: $session, text: $text, parentId: $parent, reply: false}) { __typename } }"""
CHOOSE = """mutation ($session: ID!, $message: ID) {
    chooseBranch(id: $session, messageId: $message) { ... on SessionPayload { session { leafId } } } }"""
DELETE = """mutation ($session: ID!, $message: ID!) {
    deleteMessages(input: {sessionId: $session, id: $message, scope: SUBTREE}) {
        ... on DeleteMessagesPayload { session { leafId } } } }"""


@pytest.fixture
async def api(slow: Served) -> Api:
    return Api(slow)


@pytest.fixture
async def session(api: Api) -> str:
    return str((await api(BEGIN, id=str(uuid4())))["createSession"]["session"]["id"])


async def said(api: Api, session: str, *texts: str, parent: str | None = None) -> list[str]:
    """The ids of messages that follow each other."""
    ids: list[str] = []
    for text in texts:
        ids.append(str(uuid4()))
        await api(SAY, id=ids[-1], session=session, text=text, parent=ids[-2] if len(ids) > 1 else parent)
    return ids


@asynccontextmanager
async def driven(served: Served, session: str, folder: Path) -> AsyncIterator[Process]:
    """The documented window in a process of its own; see `branching.mjs`."""
    process = await create_subprocess_exec(
        "node", "branching.mjs", served.socket, session, stdin=PIPE, stdout=PIPE, cwd=folder
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def shown(window: Process, line: str) -> dict[str, Any]:
    """What the window shows after it has done this."""
    assert window.stdin
    assert window.stdout
    window.stdin.write(f"{line}\n".encode())
    found: dict[str, Any] = json.loads(await window.stdout.readline())
    return found


@pytest.mark.timeout(120)
async def test_a_window_shows_the_branch_that_is_seen_and_pages_back_on_it(
    slow: Served, api: Api, session: str, modules: Callable[..., Path]
) -> None:
    trunk = await said(api, session, *(f"T{number}" for number in range(120)))
    names = [f"T{number}" for number in range(120)]
    async with driven(slow, session, modules(slow, REDUCER, WINDOW)) as window:
        begun = await shown(window, trunk[-1])
        assert begun == {"path": names[70:], "beside": {}, "chosen": False, "earlier": True}

        side = await said(api, session, "S0", "S1", parent=trunk[99])
        assert await shown(window, side[-1]) == {
            "path": [*names[51:100], "S0", "S1"],
            "beside": {"S0": {"index": 1, "ids": [trunk[100], side[0]]}},
            "chosen": False,
            "earlier": True,
        }
        leaf = (await api(CHOOSE, session=session, message=trunk[105]))["chooseBranch"]["session"]["leafId"]
        assert leaf == trunk[-1]
        back = await shown(window, leaf)
        assert (back["path"], back["chosen"]) == (names[51:], True)
        assert back["beside"] == {"T100": {"index": 0, "ids": [trunk[100], side[0]]}}

        early = (await said(api, session, "E0", parent=trunk[9]))[-1]
        other = await shown(window, early)
        assert (other["path"], other["earlier"]) == ([*names[:10], "E0"], False)
        await api(CHOOSE, session=session, message=trunk[-1])
        assert (await shown(window, trunk[-1]))["path"] == names[51:]
        assert await shown(window, "more") == {
            "path": names,
            "beside": {
                "T10": {"index": 0, "ids": [trunk[10], early]},
                "T100": {"index": 0, "ids": [trunk[100], side[0]]},
            },
            "chosen": True,
            "earlier": False,
        }
        assert (await shown(window, "more"))["path"] == names

        await api(DELETE, session=session, message=side[0])
        left = (await api(DELETE, session=session, message=trunk[60]))["deleteMessages"]["session"]["leafId"]
        ended = await shown(window, left)
        assert ended["path"] == names[:60]
        assert ended["beside"] == {"T10": {"index": 0, "ids": [trunk[10], early]}}


def told(name: str, **fields: Any) -> dict[str, Any]:
    return {"__typename": name, **fields}


async def test_events_that_a_client_does_not_know_change_nothing(slow: Served, modules: Callable[..., Path]) -> None:
    before, now = await reduced(slow, modules, told("BranchChanged", leafId="m", branchChosen=True), told("Later"))
    assert before == now


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_lists_and_badges_are_those_of_a_fresh_query_whatever_happens(
    slow: Served, api: Api, modules: Callable[..., Path], seed: int
) -> None:
    create = (
        "mutation ($name: String!) { createFolder(input: {name: $name}) { ... on FolderPayload { folder { id } } } }"
    )
    folder = (await api(create, name=f"Travel {seed}"))["createFolder"]["folder"]["id"]
    place = modules(slow, SIDEBAR, ACCOUNT)
    lists = json.loads(await run("node", "listing.mjs", slow.socket, folder, str(seed), cwd=place))
    for each in lists:
        assert each["shown"] == each["all"][: len(each["shown"])]
        assert len(each["shown"]) == len(each["all"]) or not each["whole"]
    assert sum(len(each["shown"]) for each in lists) > 0
