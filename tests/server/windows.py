"""Open windows: clients that others wrote, which follow a session and put its text together."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.websockets import WebsocketsTransport

from tests.server.callers import SETTLED

FOLLOW = """
subscription Follow($id: ID!, $after: SyncCursor) {
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
        self.closed = False
        self.runs: list[str] = []
        """What became of runs."""
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def on(cls, url: str, session_id: str, after: str | None = None) -> AsyncIterator[Self]:
        """A window on a session, through `gql` over a WebSocket, that has caught up."""
        window = cls()
        transport = WebsocketsTransport(url=url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])
        async with Client(transport=transport) as client:
            following = asyncio.create_task(window._follow(client, session_id, after))
            try:
                await window.until(lambda shown: shown.caught_up)
                yield window
            finally:
                following.cancel()
                (ended,) = await asyncio.gather(following, return_exceptions=True)
                if isinstance(ended, AssertionError):
                    raise ended

    async def _follow(self, client: AsyncClientSession, session_id: str, after: str | None) -> None:
        request = gql(FOLLOW)
        request.variable_values = {"id": session_id, "after": after}
        try:
            async with aclosing(client.subscribe(request)) as events:
                async for event in events:
                    self.take(event["session"])
        finally:
            self.closed = True
            self._announce()

    def take(self, event: dict[str, Any]) -> None:
        """Shows an event. Every delta must begin where the text ends, counted as browsers count."""
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
            case "RunChanged":
                self.runs.append(event["run"]["status"])
            case "CaughtUp":
                self.caught_up = True
        self._announce()

    def _announce(self) -> None:
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
                assert not self.closed, f"the window has closed with {self.reply[-80:]!r}"
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
