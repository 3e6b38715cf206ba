"""Event streams carry cursors as their ids, so that a stream which breaks goes on where it was."""

import json

import httpx

from tests.server.callers import Caller
from tests.server.served import Served

WATCH = """subscription ($id: ID!) {
    session(id: $id) { __typename ... on MessageChanged { cursor message { content } } ... on CaughtUp { cursor } }
}"""


async def heard(served: Served, session_id: str, last_event_id: str | None = None) -> list[tuple[str | None, str]]:
    """`(id, kind)` of the events of a stream up to `CaughtUp`."""
    events: list[tuple[str | None, str]] = []
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    body = {"query": WATCH, "variables": {"id": session_id}}
    async with (
        httpx.AsyncClient(base_url=served.url) as client,
        client.stream("POST", "/graphql", json=body, headers=headers, timeout=20) as stream,
    ):
        id = None
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                id = line.removeprefix("id: ")
            elif line.startswith("data: ") and "session" in line:
                kind = json.loads(line.removeprefix("data: "))["data"]["session"]["__typename"]
                events.append((id, kind))
                id = None
                if kind == "CaughtUp":
                    return events
    return events


async def test_a_stream_that_resumes_is_told_only_what_it_missed(served: Served, caller: Caller) -> None:
    sent = await caller.send("First", reply=False)
    session_id = sent["session"]["id"]
    begun = await heard(served, session_id)
    assert [kind for _, kind in begun] == ["MessageChanged", "BranchChanged", "CaughtUp"]
    cursor = begun[-1][0]
    assert cursor is not None
    await caller.send("Second", sessionId=session_id, reply=False)
    resumed = await heard(served, session_id, last_event_id=cursor)
    assert [kind for _, kind in resumed] == ["MessageChanged", "BranchChanged", "CaughtUp"]
    assert resumed[-1][0] not in (None, cursor)
