"""Open windows: clients that others wrote, which follow a session and put its text together."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from tests.server.callers import SETTLED

FOLLOW = """
subscription Follow($id: ID!, $after: String) {
  session(id: $id, after: $after) {
    __typename
    ... on MessageChanged { cursor message { id role status parts { index ... on TextPart { text } } } }
    ... on PartChanged { messageId part { index ... on TextPart { text } } }
    ... on TextDelta { messageId index offset text }
    ... on CaughtUp { cursor }
    ... on RunChanged { run { id status } }
    ... on Reset { reason }
  }
}
"""


class Window:
    """What a window shows: the messages of a session, as the events make them grow."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.deltas = 0
        self.caught_up = False
        self.events: list[dict[str, Any]] = []
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def on(cls, url: str, session_id: str, after: str | None = None) -> AsyncIterator[Self]:
        """A window on a session, through `gql` over a WebSocket, that has caught up."""
        window = cls()
        transport = WebsocketsTransport(url=url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])
        async with Client(transport=transport) as client:

            async def follow() -> None:
                request = gql(FOLLOW)
                request.variable_values = {"id": session_id, "after": after}
                async with aclosing(client.subscribe(request)) as events:
                    async for event in events:
                        window.take(event["session"])

            following = asyncio.create_task(follow())
            try:
                await window.until(lambda shown: shown.caught_up)
                yield window
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    def take(self, event: dict[str, Any]) -> None:
        """Shows an event. Every delta must begin where the text ends, counted as browsers count."""
        self.events.append(event)
        match event["__typename"]:
            case "MessageChanged":
                message = event["message"]
                message["parts"] = [part.get("text", "") for part in message["parts"]]
                self.messages[message["id"]] = message
            case "PartChanged":
                parts = self.messages[event["messageId"]]["parts"]
                index = event["part"]["index"]
                assert index <= len(parts)
                parts[index:] = [event["part"].get("text", "")]
            case "TextDelta":
                self.deltas += 1
                parts = self.messages[event["messageId"]]["parts"]
                assert event["offset"] == utf16_length(parts[event["index"]])
                parts[event["index"]] += event["text"]
            case "CaughtUp":
                self.caught_up = True
        self._news.set()
        self._news = asyncio.Event()

    @property
    def reply(self) -> str:
        """The text of the newest reply, as far as it has come."""
        return next(
            ("".join(each["parts"]) for each in reversed(self.messages.values()) if each["role"] == "ASSISTANT"), ""
        )

    @property
    def status(self) -> str | None:
        """How far the newest reply is."""
        return next((each["status"] for each in reversed(self.messages.values()) if each["role"] == "ASSISTANT"), None)

    @property
    def settled(self) -> bool:
        """Whether the newest reply has ended."""
        return self.status in SETTLED

    async def until(self, condition: Callable[[Self], bool], *, seconds: float = 30) -> None:
        """Waits for what the window is to show."""
        async with asyncio.timeout(seconds):
            while not condition(self):
                await self._news.wait()


def utf16_length(text: str) -> int:
    """The length of a text as JavaScript counts."""
    return len(text.encode("utf-16-le")) // 2


class NodeWindow:
    """A window in Node.js, through `graphql-ws`, that ends when the newest reply does."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def on(cls, npm: Path, url: str, session_id: str) -> Self:
        """A window on a session that has caught up."""
        script = Path(__file__).with_name("window.mjs")
        process = await asyncio.create_subprocess_exec("node", script, url, session_id, cwd=npm, stdout=PIPE)
        window = cls(process)
        assert await window._line() == {"caughtUp": True}
        return window

    async def ended(self) -> dict[str, Any]:
        """What it shows at the end: `status`, `reply`, `deltas`."""
        shown = await self._line()
        async with asyncio.timeout(10):
            assert await self._process.wait() == 0
        return shown

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout
        async with asyncio.timeout(60):
            line = await self._process.stdout.readline()
        shown: dict[str, Any] = json.loads(line)
        return shown
