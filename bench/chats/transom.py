"""Transom, whole: `transom serve` with its embedded PostgreSQL and Valkey, and windows on `graphql-transport-ws`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, override

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench import machine
from bench.chats.heard import SIZE, Heard
from bench.chats.sides import Side
from bench.chats.starting import clean, free_port, started

TRANSOM = Path(sys.executable).with_name("transom")
ENGINES = ("postgres", "valkey-server")

BEGIN = "mutation { createSession(input: {}) { ... on SessionPayload { session { id } } } }"
SEND = """mutation ($session: ID!) { sendMessage(input: {sessionId: $session, text: "Count, please."}) {
    __typename ... on SendMessagePayload { message { id } run { id } } } }"""
FOLLOW = """subscription ($id: ID!) { session(id: $id) { __typename
    ... on TextDelta { messageId index offset text }
    ... on PartChanged { messageId part { index ... on TextPart { text } } }
    ... on MessageChanged { cursor message { id role status content } }
    ... on RunChanged { cursor run { id status error { code reason } } } } }"""


class Window:
    """A person's window, that follows a session of its own."""

    def __init__(self, connection: ClientConnection) -> None:
        self.heard = Heard()
        self.reading: asyncio.Task[None]
        self._connection = connection
        self._session = ""
        self._caught_up = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._numbers = count()
        self._over: set[str] = set()
        """The messages that are whole."""

    @classmethod
    async def on(cls, connection: ClientConnection) -> Self:
        """A window that has caught up with its session."""
        window = cls(connection)
        await connection.send(json.dumps({"type": "connection_init"}))
        await connection.recv()
        window.reading = asyncio.create_task(window._read())
        window._session = (await window._ask(BEGIN))["session"]["id"]
        follow = {"query": FOLLOW, "variables": {"id": window._session}}
        await connection.send(json.dumps({"type": "subscribe", "id": "session", "payload": follow}))
        await window._caught_up.wait()
        return window

    async def send(self) -> None:
        """Sends a message."""
        sent = await self._ask(SEND, session=self._session)
        assert "run" in sent, sent

    async def _ask(self, query: str, **variables: object) -> Any:
        id_ = str(next(self._numbers))
        answer = self._answers[id_] = asyncio.get_running_loop().create_future()
        asked = {"type": "subscribe", "id": id_, "payload": {"query": query, "variables": variables}}
        await self._connection.send(orjson.dumps(asked).decode())
        return await answer

    async def _read(self) -> None:
        async for message in self._connection:
            told = orjson.loads(message)
            if told["type"] == "ping":
                await self._connection.send('{"type":"pong"}')
            elif told["type"] == "next" and told["id"] == "session":
                self._hear(told["payload"]["data"]["session"])
            elif told["type"] == "next":
                (payload,) = told["payload"]["data"].values()
                self._answers.pop(told["id"]).set_result(payload)
            elif told["type"] != "complete":
                raise AssertionError(told)

    def _hear(self, event: dict[str, Any]) -> None:
        match event["__typename"]:
            case "TextDelta":
                self.heard.take(event["text"])
            case "PartChanged":
                self.heard.take(event["part"]["text"])
            case "MessageChanged" if event["message"]["role"] == "ASSISTANT":
                self._correct(event["message"])
            case "RunChanged" if event["run"]["status"] == "COMPLETED":
                self.heard.end()
            case "RunChanged" if event["run"]["status"] not in ("QUEUED", "RUNNING"):
                raise AssertionError(event)
            case "CaughtUp":
                self._caught_up.set()

    def _correct(self, message: dict[str, Any]) -> None:
        """A message is told whole: with tokens that came before the window could be told them one by one."""
        if message["id"] not in self._over:
            self.heard.take(message["content"][SIZE * (self.heard.last + 1) :])
        if message["status"] == "COMPLETE":
            self._over.add(message["id"])


class Transom(Side):
    """See `bench.chats.sides`."""

    @override
    def used(self) -> tuple[float, float]:
        """See `Side`."""
        by_name = machine.tree_seconds(self.pid)
        engines = sum(by_name.get(name, 0) for name in ENGINES)
        return sum(by_name.values()) - engines, engines


@asynccontextmanager
async def transom(provider: int, people: int) -> AsyncIterator[Transom]:
    """Starts Transom in a folder of its own. All chats are one person's: a window hears only of what it follows."""
    port = free_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        environment = clean("TRANSOM_") | {
            "TRANSOM_DATA_DIR": str(folder / "data"),
            "TRANSOM_MODEL_URL": f"http://127.0.0.1:{provider}/v1",
            "TRANSOM_MODEL_NAME": "m",
            "TRANSOM_LOG_LEVEL": "warning",
        }
        command = [str(TRANSOM), "serve", "--port", str(port)]
        ready = f"http://127.0.0.1:{port}/readyz"
        process = await stack.enter_async_context(started(command, environment, folder, ready, ends_by="TERM"))
        windows = []
        for _ in range(people):
            connection = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")])
            )
            windows.append(await Window.on(connection))
            stack.callback(windows[-1].reading.cancel)
        yield Transom(process.pid, windows)
