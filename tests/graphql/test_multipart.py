import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.graphql.served import Person, Served, serving, within

PARTS = {"accept": 'multipart/mixed;boundary=graphql;subscriptionSpec="1.0",application/json'}
TICKS = {"query": "subscription { ticks }"}


class Stream:
    """The answer as it arrives: each part as soon as the boundary behind it is there."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_raw()
        self._text = b""

    async def part(self) -> Any:
        """The next part's JSON; None where the last boundary has come."""
        async with asyncio.timeout(10):
            while b"\r\n--graphql" not in self._text[1:] and not self._text.endswith(b"--\r\n"):
                self._text += await anext(self._chunks)
        if self._text == b"\r\n--graphql--\r\n":
            return None
        part, end, rest = self._text.removeprefix(b"\r\n--graphql").partition(b"\r\n--graphql")
        self._text = end + rest
        head, _, body = part.partition(b"\r\n\r\n")
        assert head == b"\r\ncontent-type: application/json"
        return json.loads(body)

    async def rest(self) -> list[Any]:
        """All parts that are still to come."""
        return [part async for part in aiter_until_none(self.part)]


async def aiter_until_none(call: Any) -> AsyncIterator[Any]:
    while (value := await call()) is not None:
        yield value


@asynccontextmanager
async def stream(served: Served, body: dict[str, Any]) -> AsyncIterator[Stream]:
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("POST", served.url, json=body, headers=PARTS) as response,
    ):
        yield Stream(response)


async def test_each_result_is_a_part(served: Served, http: httpx.AsyncClient) -> None:
    answer = await http.post(served.url, json={"query": "subscription { count(to: 2) }"}, headers=PARTS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'
    assert answer.content == (
        b"\r\n--graphql"
        b'\r\ncontent-type: application/json\r\n\r\n{"payload":{"data":{"count":1}}}\r\n--graphql'
        b'\r\ncontent-type: application/json\r\n\r\n{"payload":{"data":{"count":2}}}\r\n--graphql'
        b"--\r\n"
    )


async def test_a_part_is_complete_as_soon_as_it_is_sent(served: Served) -> None:
    async with stream(served, TICKS) as parts:
        assert await parts.part() == {"payload": {"data": {"ticks": 1}}}
        assert served.witness.running == 1


async def test_a_quiet_stream_is_pinged() -> None:
    async with serving(ping_interval=0.05) as served, stream(served, TICKS) as parts:
        assert [await parts.part() for _ in range(3)] == [{"payload": {"data": {"ticks": 1}}}, {}, {}]


async def test_an_error_of_the_operation_is_a_payload(served: Served) -> None:
    async with stream(served, {"query": "subscription { refused }"}) as parts:
        (part,) = await parts.rest()
    assert part["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("query", ["{ hello }", "mutation { add(a: 1, b: 2) }", "subscription { nothing }"])
async def test_a_single_result_is_plain_json(served: Served, http: httpx.AsyncClient, query: str) -> None:
    answer = await http.post(served.url, json={"query": query}, headers=PARTS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/*", "text/event-stream"),
        ("multipart/mixed", "multipart/mixed"),
        ("multipart/mixed, */*", "multipart/mixed"),
        ("multipart/mixed, text/event-stream", "text/event-stream"),
        ("multipart/mixed, text/event-stream;q=0.5", "multipart/mixed"),
    ],
)
async def test_the_format_of_a_stream_is_negotiated(
    served: Served, http: httpx.AsyncClient, accept: str, chosen: str
) -> None:
    body = {"query": "subscription { count(to: 1) }"}
    answer = await http.post(served.url, json=body, headers={"accept": accept})
    assert answer.headers["content-type"].startswith(chosen)


async def test_a_stream_ends_when_its_client_leaves() -> None:
    async with serving() as served:
        async with stream(served, TICKS) as parts:
            await parts.part()
        await within(1, served.witness.finished)
        assert served.witness.running == 0


async def test_a_stream_that_ends_early_says_why() -> None:
    async def briefly(_: str | None) -> Person:
        return Person("ada", datetime.now(UTC) + timedelta(seconds=0.2))

    async with serving(authenticate=briefly) as served, stream(served, TICKS) as parts:
        *_, last = await parts.rest()
        error = {"message": "The token expired.", "extensions": {"code": "UNAUTHENTICATED"}}
        assert last == {"payload": None, "errors": [error]}


async def test_a_server_that_goes_away_says_so() -> None:
    async with serving() as served, stream(served, TICKS) as parts:
        await within(5, served.witness.started)
        async with asyncio.timeout(3):
            await served.endpoint.shutdown()
            *_, last = await parts.rest()
        assert (last["payload"], last["errors"][0]["extensions"]["code"]) == (None, "SERVICE_UNAVAILABLE")
