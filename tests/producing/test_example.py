"""The example of an app with its own agent, against a server that is killed while it writes."""

import asyncio
import json
import runpy
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, override

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.engines.processes import pids_of
from tests.server.callers import Caller
from tests.server.served import serving
from tests.server.windows import FOLLOW, Window
from tests.support.proxy import Proxy

EXAMPLE = Path(__file__).parents[2] / "examples" / "producer.py"
QUESTION = "What is a transom?"
CANCEL = "mutation ($id: ID!) { cancelRun(id: $id) { __typename } }"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path, which no engine may outlive."""
    place = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield place
    left = pids_of(place)
    shutil.rmtree(place, ignore_errors=bool(left))
    assert left == []


@pytest.fixture(scope="module")
def text() -> str:
    """What the example's agent says."""
    agent = runpy.run_path(str(EXAMPLE))["agent"]
    agent.__globals__["PAUSE"] = 0.0
    return "".join(agent(QUESTION))


class Lasting(Window):
    """A window that comes back after its last cursor whenever its connection ends."""

    def __init__(self) -> None:
        super().__init__()
        self.cursor: str | None = None
        self.connections = 0
        self.questions = 0
        """How often the question was told: once, if it comes back after its cursor."""

    @override
    def take(self, event: dict[str, Any]) -> None:
        assert event["__typename"] != "Reset"
        self.cursor = event.get("cursor", self.cursor)
        self.questions += event["__typename"] == "MessageChanged" and event["message"]["role"] == "USER"
        super().take(event)

    @classmethod
    @asynccontextmanager
    async def staying(cls, url: str, session_id: str) -> AsyncIterator["Lasting"]:
        """A window on a session, from now until the end of the block."""
        window = cls()
        following = asyncio.create_task(window._stay(url, session_id))
        try:
            yield window
        finally:
            following.cancel()
            (ended,) = await asyncio.gather(following, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended

    async def _stay(self, url: str, session_id: str) -> None:
        try:
            while True:
                try:
                    await self._attach(url, session_id)
                except (OSError, WebSocketException):
                    await asyncio.sleep(0.05)
        finally:
            self.closed = True
            self._announce()

    async def _attach(self, url: str, session_id: str) -> None:
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send('{"type": "connection_init"}')
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            self.connections += 1
            payload = {"query": FOLLOW, "variables": {"id": session_id, "after": self.cursor}}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            async for frame in socket:
                message = json.loads(frame)
                if message["type"] == "next":
                    self.take(message["payload"]["data"]["session"])
                elif message["type"] == "ping":
                    await socket.send('{"type": "pong"}')


@asynccontextmanager
async def example(url: str) -> AsyncIterator[tuple[Process, str, str]]:
    """The example at work, with the ids of its session and its run."""
    process = await asyncio.create_subprocess_exec(sys.executable, EXAMPLE, url, QUESTION, stdout=PIPE)
    assert process.stdout
    try:
        async with asyncio.timeout(20):
            session, run = [(await process.stdout.readline()).decode().split() for _ in range(2)]
        assert (session[0], run[0]) == ("Session", "Run")
        yield process, session[1], run[1]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def last_words(process: Process) -> list[str]:
    """What the example says until it ends well."""
    async with asyncio.timeout(90):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode().splitlines()


async def an_acknowledgement_is_lost(proxy: Proxy, window: Window) -> None:
    """Cut the app off when the window has something that the app does not yet know to be stored."""
    proxy.latency = 0.1
    written = len(window.reply)
    await window.until(lambda shown: len(shown.reply) > written)
    proxy.reset()
    proxy.latency = 0.0


async def test_nothing_is_lost_and_nothing_comes_twice_when_the_server_is_killed(
    folder: Path, tmp_path: Path, text: str
) -> None:
    settings: dict[str, Any] = {"data_dir": folder, "model_url": "scripted:"}
    async with (
        serving(tmp_path / "log", **settings) as first,
        Proxy(("127.0.0.1", first.port)) as proxy,
        example(f"http://127.0.0.1:{proxy.port}/graphql") as (app, session_id, _),
        Lasting.staying(first.socket, session_id) as window,
    ):
        for _ in range(3):
            await an_acknowledgement_is_lost(proxy, window)
        await window.until(lambda shown: len(shown.reply) > len(text) // 4)
        first.kill()
        await first.ended()
        before = window.reply
        async with serving(tmp_path / "log", port=first.port, **settings) as second:
            said = await last_words(app)
            await window.until(lambda shown: shown.settled)
            async with Caller.at(second.graphql) as caller:
                _, reply = await caller.messages(session_id)
    assert len(text) // 4 < len(before) < len(text)
    assert text.startswith(before)
    assert said[0].startswith("No answer, trying again: ")
    assert said[-1] == "COMPLETE: all 500 words are there, each once and in order."
    assert (reply["status"], reply["content"]) == ("COMPLETE", text)
    assert (window.status, window.reply) == ("COMPLETE", text)
    assert (window.connections, window.questions) == (2, 1)


async def test_a_stop_from_a_window_ends_it_with_what_it_has_written(folder: Path, tmp_path: Path, text: str) -> None:
    async with (
        serving(tmp_path / "log", data_dir=folder, model_url="scripted:") as served,
        example(served.graphql) as (app, session_id, run_id),
        Lasting.staying(served.socket, session_id) as window,
        Caller.at(served.graphql) as caller,
    ):
        await window.until(lambda shown: len(shown.reply) > len(text) // 4)
        await caller.get(CANCEL, id=run_id)
        said = await last_words(app)
        await window.until(lambda shown: shown.settled)
        _, reply = await caller.messages(session_id)
    assert len(reply["content"]) < len(text)
    assert text.startswith(reply["content"])
    count = len(reply["content"].split())
    assert said == [f"CANCELLED: all {count} words are there, each once and in order."]
    assert (reply["status"], window.reply) == ("CANCELLED", reply["content"])
