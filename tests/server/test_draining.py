"""What is under way when real servers are asked to end: it is told so, in GraphQL, and is done or not done."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served, group, until
from tests.server.sockets import socket

DOCUMENT = """mutation ($id: ID!) {
  sendMessage(input: {sessionId: $id, text: "Never said"}) { ... on SendMessagePayload { run { id } } }
}"""


@asynccontextmanager
async def locked(database: str, session_id: str) -> AsyncIterator[None]:
    """A session whose row nobody can change, so that what is said there waits."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM sessions WHERE id = $1 FOR UPDATE", session_id)
            yield
    finally:
        await connection.close()


async def waits(database: str) -> bool:
    """Whether somebody waits for a lock."""
    connection = await asyncpg.connect(database)
    try:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()


@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_a_mutation_that_cannot_be_finished_is_not_done_and_told_so(
    start: Start, database: str, transport: str
) -> None:
    async with start() as served:  # its log must not speak of errors
        async with Caller.at(served.graphql) as caller:
            session_id = (await caller.send("Before", reply=False))["session"]["id"]
            before = await caller.read(session_id)
        async with locked(database, session_id):
            saying = asyncio.create_task(said(served, transport, session_id))
            await until(lambda: waits(database))
            served.ask_to_end()
            assert await saying == ["SERVICE_UNAVAILABLE"]
            assert await served.ended(10) == 0
    async with start() as again, Caller.at(again.graphql) as caller:
        assert await caller.read(session_id) == before


async def test_the_log_tells_a_stop_from_a_death_and_what_it_interrupts(start: Start) -> None:
    async with start(model_url="scripted:?tokens=10000&interval=0.05") as served, Caller.at(served.graphql) as caller:
        sent = await caller.send("Go on and on.")
        await until(lambda: running(caller, sent["run"]["id"]))
        assert "stopping" not in served.log.read_text()
        served.ask_to_end()
        assert await served.ended(10) == 0
    (line,) = [line for line in served.log.read_text().splitlines() if "transom.stop" in line]
    assert line.endswith("INFO    transom.stop: stopping; replies that end as interrupted: 1")


async def running(caller: Caller, run_id: str) -> bool:
    """Whether somebody writes a reply."""
    found = await caller.get("query ($id: ID!) { node(id: $id) { ... on Run { status } } }", id=run_id)
    return bool(found["node"]["status"] == "RUNNING")


async def said(served: Served, transport: str, session_id: str) -> list[str]:
    """The codes that it is refused with."""
    asked: dict[str, Any] = {"query": DOCUMENT, "variables": {"id": session_id}}
    if transport == "http":
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.post(served.graphql, json=asked)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json; charset=utf-8")
        errors = answer.json()["errors"]
    else:
        async with socket(served) as client:
            await client.say(type="connection_init")
            assert await client.hear() == {"type": "connection_ack"}
            await client.say(type="subscribe", id="1", payload=asked)
            errors = (await client.hear())["payload"]
            assert await client.closed() == (1001, "going away")
    return [error["extensions"]["code"] for error in errors]


async def test_a_server_that_drains_refuses_connections_at_once(start: Start, database: str) -> None:
    async with start() as served:
        async with Caller.at(served.graphql) as caller:
            session_id = (await caller.send("Before", reply=False))["session"]["id"]
        async with locked(database, session_id):
            saying = asyncio.create_task(said(served, "http", session_id))
            await until(lambda: waits(database))
            served.ask_to_end()
            await until(lambda: refuses(served))
            assert not saying.done()
            assert await saying == ["SERVICE_UNAVAILABLE"]


async def refuses(served: Served) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_while_one_of_two_processes_drains_the_other_answers_everybody(start: Start, database: str) -> None:
    async with start("--workers", "2") as served, httpx.AsyncClient(timeout=30) as http:
        async with Caller.at(served.graphql) as caller:
            session_id = (await caller.send("Before", reply=False))["session"]["id"]
        async with locked(database, session_id):
            saying = asyncio.create_task(said(served, "http", session_id))
            await until(lambda: waits(database))
            os.kill(at_work(served), signal.SIGTERM)
            answered = 0
            while not saying.done():
                async with httpx.AsyncClient(timeout=2) as another:
                    answer = await another.get(f"{served.url}/readyz")
                answered += answer.status_code == 200
            assert await saying == ["SERVICE_UNAVAILABLE"]
        assert answered >= 3
        assert (await http.get(f"{served.url}/readyz")).status_code == 200


def at_work(served: Served) -> int:
    """The one process that somebody is connected to."""
    (found,) = [
        pid
        for pid in group(served.process.pid)
        if any(
            each.status == psutil.CONN_ESTABLISHED and each.laddr.port == served.port
            for each in psutil.Process(pid).net_connections("tcp")
        )
    ]
    return found
