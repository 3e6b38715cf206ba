"""What is under way when a server goes away comes to its end, or is told so."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.graphql.served import Served, serving, socket, until, within

GRACE = 0.1
UNDER_WAY = ["{ stuck }", "mutation { stuck }"]
GONE = {
    "message": "The server is going away. Send the same again in a moment.",
    "extensions": {"code": "SERVICE_UNAVAILABLE"},
}
ACCEPTED = ["application/json", "application/graphql-response+json", "*/*", "multipart/mixed, application/json"]


async def ask(served: Served, query: str, accept: str = "*/*") -> httpx.Response:
    async with httpx.AsyncClient(timeout=10) as http:
        return await http.post(served.url, json={"query": query}, headers={"accept": accept})


async def post(served: Served, query: str) -> Any:
    return (await ask(served, query)).json()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.name.startswith(("transom", "asyncio", "uvicorn"))
    ]


@pytest.mark.parametrize("accept", ACCEPTED)
@pytest.mark.parametrize("query", UNDER_WAY)
async def test_a_request_that_cannot_be_finished_is_answered_with_503(
    query: str, accept: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served:
        asking = asyncio.create_task(ask(served, query, accept))
        await within(5, served.witness.started)
        await served.endpoint.shutdown(grace=GRACE)
        assert served.witness.running == 0
        answer = await asking
    assert (answer.status_code, answer.json()) == (503, {"errors": [GONE]})
    assert answer.headers["content-type"].startswith("application/")
    assert complaints(caplog) == []


@pytest.mark.parametrize("query", UNDER_WAY)
async def test_an_operation_of_a_socket_that_cannot_be_finished_is_told_so(
    query: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as served, socket(served) as client:
        await client.subscribe("1", query)
        await within(5, served.witness.started)
        ending = asyncio.create_task(served.endpoint.shutdown(grace=GRACE))
        assert await client.receive() == {"id": "1", "type": "error", "payload": [GONE]}
        assert await client.closed() == (1001, "going away")
        await ending
        assert served.witness.running == 0
    assert complaints(caplog) == []


async def test_a_query_as_a_stream_of_events_is_told_so() -> None:
    async with serving() as served:
        asking = asyncio.create_task(ask(served, "{ stuck }", "text/event-stream"))
        await within(5, served.witness.started)
        await served.endpoint.shutdown(grace=GRACE)
        answer = await asking
    assert '"SERVICE_UNAVAILABLE"' in answer.text
    assert answer.text.endswith("event: complete\ndata: \n\n")


async def test_a_mutation_whose_client_has_left_is_ended_too() -> None:
    async with serving() as served:
        asking = asyncio.create_task(ask(served, "mutation { stuck }"))
        await within(5, served.witness.started)
        asking.cancel()
        await served.endpoint.shutdown(grace=GRACE)
        assert served.witness.running == 0


async def test_a_mutation_whose_client_has_left_may_end_first() -> None:
    async with serving() as served:
        asking = asyncio.create_task(ask(served, "mutation { slow }"))
        await until(lambda: served.witness.running == 1)
        asking.cancel()
        ending = asyncio.create_task(served.endpoint.shutdown(grace=10))
        served.witness.released.set()
        await within(5, served.witness.finished)
        await ending


async def test_what_ends_in_time_is_answered() -> None:
    async with serving() as served, socket(served) as busy, socket(served) as idle:
        await idle.subscribe("1", "subscription { ticks }")
        assert (await idle.receive())["type"] == "next"
        asking = asyncio.create_task(post(served, "mutation { slow }"))
        await busy.subscribe("1", "mutation { slow }")
        await until(lambda: served.witness.running == 3)
        ending = asyncio.create_task(served.endpoint.shutdown(grace=10))
        assert await idle.closed() == (1001, "going away")  # who waits for nothing need not wait
        await busy.subscribe("2", "{ hello }")
        assert await busy.receive() == {"id": "2", "type": "error", "payload": [refusal("The server is going away.")]}
        served.witness.released.set()
        assert await asking == {"data": {"slow": 1}}
        assert await busy.receive() == {"id": "1", "type": "next", "payload": {"data": {"slow": 1}}}
        assert await busy.receive() == {"id": "1", "type": "complete"}
        assert await busy.closed() == (1001, "going away")
        await ending


def refusal(message: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": "SERVICE_UNAVAILABLE"}}


async def test_half_a_request_is_answered_with_503() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
        )
        await until(lambda: bool(served.server.server_state.tasks))
        await served.endpoint.shutdown(grace=GRACE)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 503")


async def test_who_comes_late_is_told_so() -> None:
    async with serving() as served, httpx.AsyncClient(timeout=10) as http:
        assert (await http.post(served.url, json={"query": "{ hello }"})).status_code == 200
        served.endpoint.close()
        answer = await http.post(served.url, json={"query": "{ hello }"})
        assert (answer.status_code, answer.json()) == (503, {"errors": [refusal("The server is going away.")]})
        async with socket(served, init=False) as late:
            assert await late.closed() == (1001, "going away")
