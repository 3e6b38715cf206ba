import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.graphql.served import Person, Served, serving, until, within

EVENTS = {"accept": "text/event-stream"}
TICKS = {"query": "subscription { ticks }"}


class Stream:
    """The answer as it arrives, cut at the blank lines that end events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_raw()
        self._text = b""

    async def event(self) -> str:
        async with asyncio.timeout(10):
            while b"\n\n" not in self._text:
                self._text += await anext(self._chunks)
        event, _, self._text = self._text.partition(b"\n\n")
        return event.decode()

    async def rest(self) -> list[str]:
        async with asyncio.timeout(10):
            async for chunk in self._chunks:
                self._text += chunk
        return self._text.decode().split("\n\n")


@asynccontextmanager
async def stream(served: Served, body: dict[str, Any], **headers: str) -> AsyncIterator[Stream]:
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("POST", served.url, json=body, headers={**EVENTS, **headers}) as response,
    ):
        yield Stream(response)


async def test_a_subscription_is_a_stream_of_events(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json={"query": "subscription { count(to: 2) }"}, headers=EVENTS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.content == (
        b":\n\n"
        b'event: next\ndata: {"data":{"count":1}}\n\n'
        b'event: next\ndata: {"data":{"count":2}}\n\n'
        b"event: complete\ndata: \n\n"
    )


@pytest.mark.parametrize("query", ["{ hello }", "subscription { count(to: 1) }"])
async def test_a_stream_can_be_asked_for_in_the_address(served: Served, http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(served.url, params={"query": query}, headers=EVENTS)
    assert answer.content.startswith(b':\n\nevent: next\ndata: {"data":')
    assert answer.content.endswith(b"event: complete\ndata: \n\n")


async def test_a_mutation_cannot_be_in_the_address(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.get(served.url, params={"query": "mutation { add(a: 1, b: 1) }"}, headers=EVENTS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
        ("subscription { refused }", "FORBIDDEN"),
    ],
)
async def test_an_error_is_an_event_and_the_stream_completes(
    served: Served, http: httpx.AsyncClient, query: str, code: str
) -> None:
    answer = await http.post(served.url, json={"query": query}, headers=EVENTS)
    _, event, end, _ = answer.text.split("\n\n")
    error = json.loads(event.removeprefix("event: next\ndata: "))["errors"][0]
    assert (answer.status_code, error["extensions"]["code"], end) == (200, code, "event: complete\ndata: ")


async def test_an_invalid_token_gets_no_stream(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json=TICKS, headers={**EVENTS, "authorization": "Bearer nobody"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json; charset=utf-8")


async def test_a_quiet_stream_is_pinged() -> None:
    async with serving(ping_interval=0.05) as served, stream(served, TICKS) as events:
        seen = [await events.event() for _ in range(4)]
        assert seen == [":", 'event: next\ndata: {"data":{"ticks":1}}', ": ping", ": ping"]


async def test_a_stream_ends_when_its_client_leaves() -> None:
    async with serving() as served:
        async with stream(served, TICKS) as events:
            await events.event()
            await within(5, served.witness.started)
        await within(1, served.witness.finished)
        assert served.witness.running == 0


async def test_a_stream_ends_with_the_token() -> None:
    async def briefly(_: str | None) -> Person:
        return Person("ada", datetime.now(UTC) + timedelta(seconds=0.2))

    async with serving(authenticate=briefly) as served, stream(served, TICKS) as events:
        *_, error, end, _ = await events.rest()
        assert json.loads(error.removeprefix("event: next\ndata: ")) == {
            "errors": [{"message": "The token expired.", "extensions": {"code": "UNAUTHENTICATED"}}]
        }
        assert end == "event: complete\ndata: "
        await within(1, served.witness.finished)


async def test_a_server_that_goes_away_says_so() -> None:
    async with serving() as served, stream(served, TICKS) as events:
        await within(5, served.witness.started)
        async with asyncio.timeout(3):
            await served.endpoint.shutdown()
            *_, error, end, _ = await events.rest()
        assert "SERVICE_UNAVAILABLE" in error
        assert end == "event: complete\ndata: "
        assert served.witness.running == 0


async def test_an_event_has_the_id_that_its_result_carries() -> None:
    async with (
        serving(event_id=lambda data: f"cursor-{data['count']}") as served,
        stream(served, {"query": "subscription { count(to: 1) }"}) as events,
    ):
        await events.event()
        assert await events.event() == 'id: cursor-1\nevent: next\ndata: {"data":{"count":1}}'


async def test_a_resuming_client_says_what_it_has_seen() -> None:
    async with serving() as served, stream(served, TICKS, **{"last-event-id": "cursor-7"}) as events:
        await events.event()
        (caller,) = served.witness.callers
        assert (caller.transport, caller.last_event_id) == ("stream", "cursor-7")


async def test_a_slow_client_slows_its_own_stream_down() -> None:
    async with serving(ping_interval=0.05) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1000)
        body = b'{"query":"subscription { flood }"}'
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"accept: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        await until(lambda: served.witness.running > 0)
        seen = -1
        while seen != served.witness.running:
            seen = served.witness.running
            await asyncio.sleep(0.3)
        assert seen * 100_000 < 16_000_000
        assert not reader.at_eof()
        writer.transport.abort()
