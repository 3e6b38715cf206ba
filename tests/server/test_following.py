"""Windows on several server processes follow one reply."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.server.callers import READ, SEND, Caller
from tests.server.conftest import Start
from tests.server.served import Served, group, until
from tests.server.windows import NodeWindow, Window

COUNT = 2_000
NUMBERS = "".join(f"{number} " for number in range(COUNT))
"""What the scripted model says."""
COUNTING = f"scripted:?tokens={COUNT}&interval=0.001"
PANES = "%F0%9F%AA%9F%F0%9F%94%A5%20"
"""A window and a fire, each of two UTF-16 code units, and a space."""


@pytest.fixture(scope="module")
async def two(start: Start) -> AsyncIterator[tuple[Served, Served]]:
    """Two servers that share nothing but the engines."""
    async with start(model_url=COUNTING) as one, start(model_url=COUNTING) as other:
        yield one, other


async def test_windows_on_two_servers_show_the_same_text_and_one_of_them_came_late(
    two: tuple[Served, Served], npm: Path
) -> None:
    one, other = two
    async with Caller.at(one.graphql) as caller:
        sent = await caller.send("Count!")
        session_id = sent["session"]["id"]
        async with Window.on(one.socket, session_id) as early:
            await early.until(lambda shown: shown.deltas >= 200)
            late = await NodeWindow.on(npm, other.socket, session_id)
            async with Window.on(other.socket, session_id) as later:
                await early.until(lambda shown: shown.settled)
                await later.until(lambda shown: shown.settled)
                shown = await late.ended()

        assert early.reply == later.reply == shown["reply"] == NUMBERS
        assert (early.status, later.status, shown["status"]) == ("COMPLETE", "COMPLETE", "COMPLETE")
        assert 0 < shown["deltas"] < early.deltas
        assert [message["content"] for message in await caller.messages(session_id)] == ["Count!", NUMBERS]


async def test_a_window_that_follows_after_a_cursor_misses_nothing(two: tuple[Served, Served]) -> None:
    one, other = two
    async with Caller.at(one.graphql) as caller:
        sent = await caller.send("Count!")
        async with Window.on(other.socket, sent["session"]["id"], after=sent["session"]["cursor"]) as window:
            await window.until(lambda shown: shown.runs[-1:] == ["COMPLETED"])

    assert window.reply == NUMBERS
    assert window.runs == ["RUNNING", "COMPLETED"]


async def test_one_socket_of_gql_queries_changes_and_follows(two: tuple[Served, Served]) -> None:
    transport = WebsocketsTransport(
        url=two[0].socket, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL], ping_interval=1
    )
    changes = gql("subscription { changes { __typename ... on SessionChanged { session { title } } } }")
    async with Client(transport=transport) as client, aclosing(client.subscribe(changes)) as events:
        assert await anext(events) == {"changes": {"__typename": "CaughtUp"}}
        send = gql(SEND)
        send.variable_values = {"input": {"text": "Over one socket"}}
        sent = (await client.execute(send))["sendMessage"]
        told = await anext(events)

    assert told == {"changes": {"__typename": "SessionChanged", "session": {"title": "Over one socket"}}}
    assert sent["__typename"] == "SendMessagePayload"


async def test_gql_over_http_accepts_every_document_by_the_servers_own_schema(two: tuple[Served, Served]) -> None:
    transport = HTTPXAsyncTransport(url=two[0].graphql)
    async with Client(transport=transport, fetch_schema_from_transport=True) as client:
        send = gql(SEND)
        send.variable_values = {"input": {"text": "Over HTTP"}}
        sent = (await client.execute(send))["sendMessage"]
        read = gql(READ)
        read.variable_values = {"id": sent["session"]["id"]}
        assert (await client.execute(read))["session"]["title"] == "Over HTTP"


async def test_windows_on_all_workers_of_a_server_show_the_same_text(start: Start) -> None:
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(start("--workers", "2", model_url=COUNTING))
        await until(lambda: has_workers(served, 2), seconds=60)
        caller = await stack.enter_async_context(Caller.at(served.graphql))
        session_id = (await caller.send("Count!"))["session"]["id"]
        windows: list[Window] = []
        while len(windows) < 4 or min(len(pids) for pids in landed(served).values()) == 0:
            assert len(windows) < 40, "one worker takes all sockets"
            windows.append(await stack.enter_async_context(Window.on(served.socket, session_id)))
        for window in windows:
            await window.until(lambda shown: shown.settled)

        assert {window.reply for window in windows} == {NUMBERS}


async def test_offsets_count_utf16_code_units(start: Start, npm: Path) -> None:
    async with (
        start(model_url=f"scripted:?interval=0.002&text={PANES * 300}") as served,
        Caller.at(served.graphql) as caller,
    ):
        made = await caller.get("mutation { createSession(input: {}) { ... on SessionPayload { session { id } } } }")
        session_id = made["createSession"]["session"]["id"]
        window = await NodeWindow.on(npm, served.socket, session_id)
        await caller.send("🪟?", sessionId=session_id)
        shown = await window.ended()

        assert shown["reply"] == ("🪟🔥 " * 300)
        assert shown["deltas"] > 0
        assert (await caller.messages(session_id))[1]["content"] == shown["reply"]


async def has_workers(served: Served, count: int) -> bool:
    """Whether that many workers are at work."""
    return served.log.read_text().count("the subscribing link to Redis is up") == count


def landed(served: Served) -> dict[int, set[str]]:
    """The established connections that each worker holds, by their inodes."""
    established = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == served.port and fields[3] == "01":
            established.add(f"socket:[{fields[9]}]")
    workers = [pid for pid in group(served.process.pid) if pid != served.process.pid and "spawn_main" in command(pid)]
    assert len(workers) == 2
    return {pid: established & {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()} for pid in workers}


def command(pid: int) -> str:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
