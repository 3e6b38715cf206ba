"""The clients that the pages show, while their server is away for longer than clients wait by themselves."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import engines
from tests.conftest import empty_database
from tests.docs.conftest import Api
from tests.docs.test_protocol import BEGIN, REDUCER, SAY, WINDOW
from tests.server.served import environment, serving, until

AWAY = 20
"""Seconds for which nobody listens."""
TALKING = "scripted:?tokens=2000&interval=0.05"
TALK = 'mutation ($id: ID!) { sendMessage(input: {sessionId: $id, text: "Talk!"}) { __typename } }'
CONTENTS = """query ($id: ID!) { session(id: $id) {
  messages(last: 50) { edges { node { content run { status } } } } } }"""
SESSIONS = "{ sessions(first: 10) { edges { node { id messages(last: 1) { edges { node { content } } } } } } }"


@asynccontextmanager
async def running(folder: Path, *command: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        "node", *command, stdout=PIPE, cwd=folder, env=environment() | {"NO_PROXY": "127.0.0.1"}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: Process) -> str:
    assert process.stdout
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


async def contents(api: Api, id: str) -> list[str]:
    found = await api(CONTENTS, id=id)
    return [edge["node"]["content"] for edge in found["session"]["messages"]["edges"]]


async def test_the_clients_of_the_pages_outlast_a_server_that_is_away(
    tmp_path: Path, urls: engines.Urls, modules: Callable[..., Path]
) -> None:
    """A new server is then told nothing twice, and the clients miss nothing of what is stored."""
    async with empty_database(urls.database) as database:
        there: dict[str, Any] = {"database_url": database, "redis_url": urls.redis, "model_url": TALKING, "lease": 2}
        async with serving(tmp_path / "first.log", **there) as served:
            folder = modules(served, REDUCER, WINDOW, ("README.md", "chat.mjs"))
            id = str(uuid4())
            await Api(served)(BEGIN, id=id)
            async with (
                running(folder, "returning.mjs", served.socket, id) as window,
                running(folder, "chat.mjs") as chat,
            ):
                assert await line(window) == "live"
                await Api(served)(TALK, id=id)
                assert await line(window) == "seen"
                assert chat.stdout
                async with asyncio.timeout(30):
                    printed = await chat.stdout.readexactly(100)
                served.kill()
                await served.ended()
                await asyncio.sleep(AWAY)

                async with serving(tmp_path / "second.log", port=served.port, **there) as again:
                    api = Api(again)
                    await until(lambda: settled(api, id), seconds=20)
                    await api(SAY, id=id)
                    assert json.loads(await line(window)) == await contents(api, id)
                    async with asyncio.timeout(60):
                        printed += await chat.stdout.read()
                    sessions = (await api(SESSIONS))["sessions"]["edges"]
                    (chatted,) = [each["node"] for each in sessions if each["node"]["id"] != id]
                    (reply,) = chatted["messages"]["edges"]
                    assert printed.decode() == reply["node"]["content"]


async def settled(api: Api, id: str) -> bool:
    found = await api(CONTENTS, id=id)
    last = found["session"]["messages"]["edges"][-1]["node"]
    return bool(last["run"] and last["run"]["status"] == "INTERRUPTED")
