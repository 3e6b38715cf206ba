"""The page of promises: what it names is there, and the client that it documents works in Node."""

import ast
import asyncio
import json
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLUnionType

import engines
from chat.conversation.reply_requests import WhenBusy
from db.models import MessageStatus, RunStatus
from resolvers.root import api
from schema.batch import ReceiptStatus
from sync.events import ResetReason
from tests.conftest import empty_database
from tests.docs.conftest import Api, run
from tests.docs.fences import ROOT
from tests.server.served import Served, serving, until
from tests.server.test_pages import socket_of
from tests.support.proxy import Proxy

REDUCER = ("docs/protocol.md", "reducer.mjs")
SEND = ("docs/guide/javascript.md", "send.mjs")
WINDOW = ("docs/guide/javascript.md", "window.mjs")
QUEUE = ("docs/guide/javascript.md", "queue.mjs")
TOKENS = "".join(f"{number} " for number in range(60))


@pytest.fixture
async def session(slow: Served) -> str:
    made = await Api(slow)(BEGIN, id=str(uuid4()))
    return str(made["createSession"]["session"]["id"])


def named(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_every_refusal_event_and_ending_is_named() -> None:
    types = api._schema.type_map
    interface = types["UserError"]
    assert isinstance(interface, GraphQLInterfaceType)
    refusals = {kind.name for kind in api._schema.get_possible_types(interface)}
    told = set()
    for name in ("SessionEvent", "AccountEvent"):
        union = types[name]
        assert isinstance(union, GraphQLUnionType)
        told |= {kind.name for kind in union.types}
    changes = {name for name in told if name.endswith("Changed")} - {"PartChanged"}
    endings = {reason.name for reason in ResetReason} | {status.name for status in (*RunStatus, *MessageStatus)}
    choices = {choice.name for choice in (*WhenBusy, *ReceiptStatus)}
    page = (ROOT / "docs" / "protocol.md").read_text()
    assert (refusals | (told - changes) | endings | choices) - named(page) == set()


def test_every_mutation_is_repeatable_as_the_page_says() -> None:
    others = {"applyBatch", "appendToRun", "finishRun", "setTyping"}
    mutations = api._schema.mutation_type
    assert mutations
    assert {name for name, field in mutations.fields.items() if "clientMutationId" not in field.args} == others


def test_a_batch_takes_every_mutation_but_those_that_the_page_names() -> None:
    page = " ".join((ROOT / "docs" / "protocol.md").read_text().split())
    excepted = page.partition(" It takes every mutation but these: ")[2].partition(" They are done in order")[0]
    types = api._schema.type_map
    mutations, batched = api._schema.mutation_type, types["BatchedMutation"]
    assert mutations
    assert isinstance(batched, GraphQLInputObjectType)
    assert named(excepted) - {"cancelRun"} == mutations.fields.keys() - batched.fields.keys()


async def test_a_stale_state_and_its_events_are_a_fresh_state(
    slow: Served, session: str, modules: Callable[..., Path]
) -> None:
    folder = modules(slow, REDUCER, SEND, WINDOW)
    known = json.loads(await run("node", "resuming.mjs", slow.socket, session, cwd=folder))
    assert [message["status"] for message in known["stale"].values()] == ["COMPLETE", "STREAMING"]
    assert known["resumed"] == known["fresh"]
    assert [message["content"] for message in known["fresh"].values()] == ["One", TOKENS, "Two", TOKENS]


async def test_a_window_survives_a_cut_socket(slow: Served, session: str, modules: Callable[..., Path]) -> None:
    folder = modules(slow, REDUCER, SEND, WINDOW)
    seen = json.loads(await run("node", "surviving.mjs", slow.socket, session, cwd=folder))
    assert seen["cuts"] >= 1
    assert [(message["role"], message["content"]) for message in seen["path"]] == [
        ("USER", "Hello"),
        ("ASSISTANT", TOKENS),
    ]
    assert [part["text"] for part in seen["path"][1]["parts"]] == [TOKENS]


@asynccontextmanager
async def opened(served: Served, session: str, folder: Path) -> AsyncIterator[Process]:
    """The documented window in a process of its own; a line of its input cuts its socket."""
    process = await asyncio.create_subprocess_exec(
        "node", "outlasting.mjs", served.socket, session, stdin=PIPE, stdout=PIPE, cwd=folder
    )
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def printed(window: Process) -> str:
    assert window.stdout
    return (await window.stdout.readline()).decode().strip()


async def test_a_window_outlasts_its_servers_database(
    urls: engines.Urls, modules: Callable[..., Path], tmp_path: Path
) -> None:
    async with empty_database(urls.database) as database:
        upstream = Path(await socket_of(urls.database))
        async with Proxy(upstream, at=tmp_path / upstream.name) as way:
            through = database.replace(str(upstream.parent), str(tmp_path))
            there: dict[str, Any] = {"database_url": through, "redis_url": urls.redis, "model_url": "scripted:"}
            async with serving(tmp_path / "log", may_complain=True, **there) as served:
                made = (await Api(served)(BEGIN, id=str(uuid4())))["createSession"]["session"]
                async with opened(served, made["id"], modules(served, REDUCER, WINDOW)) as window:
                    assert window.stdin
                    assert await printed(window) == "live"
                    way.cut()
                    window.stdin.write(b"cut\n")
                    assert await printed(window) == "SERVICE_UNAVAILABLE"
                    way.mend()
                    await until(partial(is_ready, served))
                    await Api(served)(SAY, id=made["id"])
                    while (line := await printed(window)) in {"SERVICE_UNAVAILABLE", "live"}:
                        pass
                    assert line == "Still there?"


async def test_a_window_on_a_session_that_is_not_there_gives_up(slow: Served, modules: Callable[..., Path]) -> None:
    async with opened(slow, str(uuid4()), modules(slow, REDUCER, WINDOW)) as window:
        assert [await printed(window), await printed(window)] == ["NOT_FOUND", "given up: NOT_FOUND"]


BEGIN = "mutation ($id: ID!) { createSession(input: {id: $id}) { ... on SessionPayload { session { id } } } }"
SAY = """mutation ($id: ID!) { sendMessage(input: {sessionId: $id, text: "Still there?", reply: false}) {
    ... on SendMessagePayload { message { id } } } }"""


async def is_ready(served: Served) -> bool:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{served.url}/readyz")).is_success


async def test_what_was_done_offline_is_done_once(slow: Served, session: str, modules: Callable[..., Path]) -> None:
    """4-21."""
    folder, said = modules(slow, QUEUE), str(uuid4())
    done = json.loads(await run("node", "queueing.mjs", slow.socket, session, said, cwd=folder))
    assert done["left"] == 0
    for receipts in (done["first"], done["second"]):
        assert [(each["status"], each["result"]["__typename"]) for each in receipts] == [("REJECTED", "InvalidInput")]
    found = (
        await Api(slow)(
            """query ($id: ID!) { session(id: $id) {
                title draft messages { edges { node { id content reactions { emoji } } } } } }""",
            id=session,
        )
    )["session"]
    assert found == {
        "title": "Said on a train",
        "draft": "Draft 119",
        "messages": {"edges": [{"node": {"id": said, "content": "Said on a train", "reactions": [{"emoji": "👍"}]}}]},
    }


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"__typename": "MessageChanged", "cursor": "one", "message": {"id": "m", "parts": list(parts)}}


async def reduced(served: Served, modules: Callable[..., Path], *events: dict[str, Any]) -> list[Any]:
    folder = modules(served, REDUCER)
    states: list[Any] = json.loads(await run("node", "reducing.mjs", typed=json.dumps(events), cwd=folder))
    return states


async def test_a_tool_call_grows_by_its_arguments(slow: Served, modules: Callable[..., Path]) -> None:
    call = {"__typename": "ToolCallPart", "index": 0, "arguments": ""}
    states = await reduced(
        slow,
        modules,
        message(),
        {"__typename": "PartChanged", "messageId": "m", "part": call},
        {"__typename": "TextDelta", "messageId": "m", "index": 0, "offset": 0, "text": '{"a"'},
        {"__typename": "TextDelta", "messageId": "m", "index": 0, "offset": 4, "text": ": 1}"},
    )
    assert states[-1]["messages"]["m"]["parts"] == [call | {"arguments": '{"a": 1}'}]
    assert states[-1]["cursor"] == "one"


async def test_offsets_count_what_javascript_counts(slow: Served, modules: Callable[..., Path]) -> None:
    delta = {"__typename": "TextDelta", "messageId": "m", "index": 0, "text": "!"}
    states = await reduced(slow, modules, message({"text": "🪟"}), delta | {"offset": 1}, delta | {"offset": 2})
    assert states[1] == "Something was missed: subscribe anew."
    assert states[2]["messages"]["m"]["parts"] == [{"text": "🪟!"}]


async def test_what_is_deleted_goes_and_a_reset_forgets_all(slow: Served, modules: Callable[..., Path]) -> None:
    states = await reduced(
        slow,
        modules,
        message(),
        {"__typename": "CaughtUp", "cursor": "two"},
        {"__typename": "MessageDeleted", "cursor": "three", "id": "m"},
        {"__typename": "Reset", "reason": "EPOCH"},
    )
    assert [(state["messages"], state["deleted"], state["cursor"], state["live"]) for state in states[1:]] == [
        ({"m": {"id": "m", "parts": []}}, {}, "two", True),
        ({}, {"m": True}, "three", True),
        ({}, {}, None, False),
    ]


def kept() -> list[tuple[str, list[str]]]:
    """For each promise of the last section: where it stands, and the tests that keep it."""
    table = (ROOT / "docs" / "protocol.md").read_text().partition("\n## What keeps it\n")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return [(section, re.findall(r"`([\w/.]+::\w+)`", tests)) for section, _, tests in rows[2:]]


@cache
def defined_in(path: str) -> set[str]:
    """The names of the tests in a module of the tests' folder."""
    module = ast.parse((ROOT / "tests" / path).read_text())
    functions = [each for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_section_names_tests_that_keep_it() -> None:
    page = re.sub(r"^```.*?^```$", "", (ROOT / "docs" / "protocol.md").read_text(), flags=re.DOTALL | re.MULTILINE)
    sections = re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    assert sections.pop() == "What keeps it"
    assert [section for section, _ in groupby(kept(), key=itemgetter(0))] == sections


def test_the_tests_that_keep_a_promise_exist() -> None:
    for section, tests in kept():
        assert tests, section
        for path, _, name in (test.partition("::") for test in tests):
            assert (ROOT / "tests" / path).is_file(), path
            assert name in defined_in(path), f"{path} has no {name}"
