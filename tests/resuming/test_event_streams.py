"""Event streams that break: with their last id they go on exactly, without it they begin with how things are."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served

COUNT = 200
NUMBERS = "".join(f"{number} " for number in range(COUNT))
WATCH = """subscription ($id: ID!, $after: SyncCursor) {
    session(id: $id, after: $after) {
        __typename
        ... on MessageChanged { cursor message { id status parts { ... on TextPart { text } } } }
        ... on PartChanged { messageId part { index ... on TextPart { text } } }
        ... on TextDelta { messageId index offset text }
        ... on RunChanged { cursor run { id status } }
        ... on CaughtUp { cursor }
    }
}"""


@pytest.fixture(scope="module")
async def slow(start: Start) -> AsyncIterator[Served]:
    """A server whose model takes a second."""
    async with start(model_url=f"scripted:?tokens={COUNT}&interval=0.005") as served:
        yield served


@pytest.fixture(scope="module")
async def caller(slow: Served) -> AsyncIterator[Caller]:
    """The local user."""
    async with Caller.at(slow.graphql) as caller:
        yield caller


async def events(
    served: Served, session_id: str, *, after: str | None = None, last_event_id: str | None = None
) -> AsyncGenerator[tuple[str | None, dict[str, Any]]]:
    """`(id, event)` of a stream, for as long as they are asked for."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    body = {"query": WATCH, "variables": {"id": session_id, "after": after}}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("POST", served.graphql, json=body, headers=headers) as stream,
    ):
        id = None
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                id = line.removeprefix("id: ")
            elif line.startswith("data: {"):
                yield id, json.loads(line.removeprefix("data: "))["data"]["session"]
                id = None


@dataclass
class Shown:
    """The texts on a screen; a delta that does not fit fails the test."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    run: str | None = None
    last_id: str | None = None
    deltas: int = 0

    def take(self, id: str | None, event: dict[str, Any]) -> None:
        """Shows an event."""
        self.last_id = id or self.last_id
        match event["__typename"]:
            case "MessageChanged":
                self.texts[event["message"]["id"]] = [part["text"] for part in event["message"]["parts"]]
            case "PartChanged":
                assert event["part"]["index"] == len(self.texts[event["messageId"]])
                self.texts[event["messageId"]].append(event["part"]["text"])
            case "TextDelta":
                texts = self.texts[event["messageId"]]
                assert event["offset"] == len(texts[event["index"]])
                texts[event["index"]] += event["text"]
                self.deltas += 1
            case "RunChanged":
                self.run = event["run"]["status"]


async def told(served: Served, session_id: str, **where: str | None) -> list[tuple[str | None, str]]:
    """`(id, kind)` of what a stream tells up to `CaughtUp`."""
    heard = []
    async with aclosing(events(served, session_id, **where)) as stream:
        async for id, event in stream:
            heard.append((id, event["__typename"]))
            if event["__typename"] == "CaughtUp":
                break
    return heard


async def test_a_stream_that_breaks_all_the_time_goes_on_after_its_last_id(slow: Served, caller: Caller) -> None:
    session_id = (await caller.send("Count!"))["session"]["id"]
    shown, breaks = Shown(), -1
    while shown.run != "COMPLETED":
        breaks += 1
        async with aclosing(events(slow, session_id, last_event_id=shown.last_id)) as stream:
            taken = 0
            async for id, event in stream:
                shown.take(id, event)
                taken += 1
                if taken > 25 or shown.run == "COMPLETED":
                    break
    assert breaks >= 2
    assert shown.deltas > 0
    assert list(shown.texts.values()) == [["Count!"], [NUMBERS]]


async def test_a_stream_that_comes_back_without_an_id_is_told_how_things_are(slow: Served, caller: Caller) -> None:
    sent = await caller.send("First", reply=False)
    session_id = sent["session"]["id"]
    begun = await told(slow, session_id)
    assert [kind for _, kind in begun] == ["MessageChanged", "BranchChanged", "CaughtUp"]
    cursor = begun[-1][0]
    await caller.send("Second", sessionId=session_id, reply=False)
    whole = await told(slow, session_id)
    assert [kind for _, kind in whole] == ["MessageChanged", "MessageChanged", "BranchChanged", "CaughtUp"]
    assert [kind for _, kind in await told(slow, session_id, after=cursor)] == [
        "MessageChanged",
        "BranchChanged",
        "CaughtUp",
    ]
    assert [kind for _, kind in await told(slow, session_id, after=cursor, last_event_id=whole[-1][0])] == [
        "BranchChanged",
        "CaughtUp",
    ]
