"""Open WebUI, whole: its server on SQLite as it comes, and windows on Socket.IO that ask as its page does.

Each chat is another person's, because it tells all windows of a person of all of the person's chats. Its page would
also ask for follow-up questions, a title and tags, each with a request to the model; these are switched off.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, override
from uuid import uuid4

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect

from bench import machine
from bench.chats import installing
from bench.chats.heard import Heard
from bench.chats.sides import Side
from bench.chats.starting import clean, free_port, started

QUIET = {
    "ANONYMIZED_TELEMETRY": "false",
    "BYPASS_MODEL_ACCESS_CONTROL": "true",
    "DO_NOT_TRACK": "true",
    "ENABLE_OLLAMA_API": "false",
    "ENABLE_VERSION_UPDATE_CHECK": "false",
    "GLOBAL_LOG_LEVEL": "WARNING",
    "HF_HUB_OFFLINE": "1",
    "OFFLINE_MODE": "1",
    "RAG_EMBEDDING_ENGINE": "openai",
    "SCARF_NO_ANALYTICS": "true",
}
"""Nothing is downloaded, and nobody is told anything."""
FEATURES = {"voice": False, "image_generation": False, "code_interpreter": False, "web_search": False}


class Window:
    """A person's window, that shows a chat of its own."""

    def __init__(self, connection: ClientConnection, http: httpx2.AsyncClient, token: str) -> None:
        self.heard = Heard()
        self.reading: asyncio.Task[None]
        self._connection = connection
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._token = token
        self._socket = ""
        self._chat: str | None = None
        self._reply: str | None = None
        self._messages: list[dict[str, str]] = []
        self._joined = asyncio.Event()

    @classmethod
    async def on(cls, connection: ClientConnection, http: httpx2.AsyncClient, token: str) -> Self:
        """A window whose person is known to the server. Engine.IO 4: `0` opens, `40` connects, `42` is an event."""
        window = cls(connection, http, token)
        assert str(await connection.recv()).startswith("0")
        await connection.send("40" + orjson.dumps({"token": token}).decode())
        connected = str(await connection.recv())
        assert connected.startswith("40"), connected
        window._socket = orjson.loads(connected[2:])["sid"]
        window.reading = asyncio.create_task(window._read())
        await connection.send("420" + orjson.dumps(["user-join", {"auth": {"token": token}}]).decode())
        await window._joined.wait()
        return window

    async def send(self) -> None:
        """Sends a message, as the page does: with the chat's and the reply's ids, which it makes."""
        before, self._reply = self._reply, str(uuid4())
        message = {
            "id": str(uuid4()),
            "parentId": before,
            "childrenIds": [self._reply],
            "role": "user",
            "content": "Count, please.",
            "timestamp": int(time.time()),
            "models": ["m"],
        }
        asked = {
            "stream": True,
            "model": "m",
            "params": {},
            "tool_servers": [],
            "features": FEATURES,
            "variables": {"{{USER_NAME}}": "Person", "{{CURRENT_DATETIME}}": "2026-01-01 00:00:00"},
            "model_item": {"id": "m", "name": "m", "object": "model", "owned_by": "openai"},
            "session_id": self._socket,
            "id": self._reply,
            "parent_id": before,
            "user_message": message,
            "background_tasks": {},
        }
        if self._chat is not None:
            asked["chat_id"] = self._chat
        answer = await self._http.post("/api/chat/completions", json=asked, headers=self._headers)
        assert answer.is_success, answer.text
        self._chat = answer.json().get("chat_id") or self._chat
        assert self._chat is not None, answer.text

    async def _read(self) -> None:
        async for message in self._connection:
            told = str(message)
            if told == "2":
                await self._connection.send("3")
            elif told.startswith("430"):
                self._joined.set()
            elif told.startswith("42"):
                name, event = orjson.loads(told[2:])
                if name == "events":
                    self._hear(event["data"])

    def _hear(self, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        match event["type"]:
            case "response:completion" if data.get("type") == "response.output_text.delta":
                self.heard.take(data["delta"])
            case "chat:message:error":
                raise AssertionError(event)
            case "chat:active" if data.get("active") is False:
                self.heard.end()


class OpenWebUI(Side):
    """See `bench.chats.sides`."""

    @override
    def used(self) -> tuple[float, float]:
        """See `Side`; its database is within the server."""
        return sum(machine.tree_seconds(self.pid).values()), 0.0


@asynccontextmanager
async def open_webui(provider: int, people: int) -> AsyncIterator[OpenWebUI]:
    """Starts Open WebUI in a folder of its own, with so many people."""
    port = free_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        environment = (
            clean("OPENAI_")
            | QUIET
            | {
                "DATA_DIR": str(folder / "data"),
                "OPENAI_API_BASE_URL": f"http://127.0.0.1:{provider}/v1",
                "OPENAI_API_KEY": "none",
                "WEBUI_SECRET_KEY": secrets.token_hex(32),
            }
        )
        command = [str(installing.open_webui()), "serve", "--host", "127.0.0.1", "--port", str(port)]
        address = f"http://127.0.0.1:{port}"
        starting = started(command, environment, folder, f"{address}/health", ends_by="KILL")
        process = await stack.enter_async_context(starting)
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=address, timeout=60, trust_env=False))
        windows = []
        for token in await _sign_up(http, people):
            connection = await stack.enter_async_context(
                connect(f"ws://127.0.0.1:{port}/ws/socket.io/?EIO=4&transport=websocket")
            )
            windows.append(await Window.on(connection, http, token))
            stack.callback(windows[-1].reading.cancel)
        yield OpenWebUI(process.pid, windows)


async def _sign_up(http: httpx2.AsyncClient, people: int) -> list[str]:
    """The tokens of new people: the first one is the administrator, who makes the others."""
    tokens: list[str] = []
    for number in range(people):
        person = {"name": f"Person {number}", "email": f"person{number}@example.com", "password": "a long password"}
        if tokens:
            headers = {"Authorization": f"Bearer {tokens[0]}"}
            made = await http.post("/api/v1/auths/add", json=person | {"role": "user"}, headers=headers)
        else:
            made = await http.post("/api/v1/auths/signup", json=person)
        assert made.is_success, made.text
        tokens.append(made.json()["token"])
    await http.get("/api/models", headers={"Authorization": f"Bearer {tokens[0]}"})
    return tokens
