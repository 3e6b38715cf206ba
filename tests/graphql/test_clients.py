"""Clients that others wrote."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.graphql.served import Served, serving, within

type Node = Callable[..., Awaitable[str]]

COUNTED = [{"count": 1}, {"count": 2}, {"count": 3}]


async def test_graphql_ws_works(node: Node) -> None:
    async with serving() as served:
        lines = (await node("ws.js", served.url.replace("http", "ws", 1))).splitlines()
        assert [json.loads(line) for line in lines] == [
            [
                [{"viewer": "ada at node over websocket"}],
                [{"add": 3}],
                COUNTED,
                [["GRAPHQL_VALIDATION_FAILED"]],
                [["GRAPHQL_PARSE_FAILED"]],
            ],
            {"ticks": 1},
        ]
        await within(1, served.witness.finished)


async def test_graphql_sse_works(node: Node) -> None:
    async with serving() as served:
        lines = (await node("sse.js", served.url)).splitlines()
        assert [json.loads(line) for line in lines] == [
            [
                [{"viewer": "ada at None over stream"}],
                COUNTED,
                [["GRAPHQL_VALIDATION_FAILED"]],
                [["GRAPHQL_PARSE_FAILED"]],
            ],
            {"ticks": 1},
        ]
        await within(1, served.witness.finished)


async def test_apollo_client_works_without_a_socket(node: Node) -> None:
    async with serving() as served:
        lines = (await node("apollo.js", served.url)).splitlines()
        assert [json.loads(line) for line in lines] == [
            [{"viewer": "ada at None over http"}, COUNTED, [["GRAPHQL_VALIDATION_FAILED"]]],
            {"ticks": 1},
        ]
        await within(1, served.witness.finished)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_urql_works(served: Served, node: Node, method: str) -> None:
    assert json.loads(await node("urql.js", served.url, method)) == [
        {"hello": "Hello Ada"},
        {"add": 3},
        ["GRAPHQL_VALIDATION_FAILED"],
        COUNTED,
    ]


async def test_gql_works_over_the_socket(served: Served) -> None:
    transport = WebsocketsTransport(
        url=served.url.replace("http", "ws", 1),
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        init_payload={"Authorization": "Bearer ada"},
        ping_interval=0.05,
    )
    async with Client(transport=transport) as session:
        assert [result async for result in session.subscribe(gql("subscription { count }"))] == COUNTED
        assert await session.execute(gql("{ viewer }")) == {"viewer": "ada at None over websocket"}
        with pytest.raises(TransportQueryError, match="GRAPHQL_VALIDATION_FAILED"):
            await session.execute(gql("{ nothing }"))


async def test_gql_works_over_http(served: Served) -> None:
    async with Client(transport=HTTPXAsyncTransport(url=served.url), fetch_schema_from_transport=True) as session:
        assert await session.execute(gql("mutation { add(a: 1, b: 2) }")) == {"add": 3}


async def test_gql_hears_that_a_quiet_server_is_there() -> None:
    async with serving(ping_interval=0.1) as served:
        transport = WebsocketsTransport(
            url=served.url.replace("http", "ws", 1),
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            keep_alive_timeout=0.5,
        )
        async with Client(transport=transport) as session:
            ticks = session.subscribe(gql("subscription { ticks }"))
            assert await anext(ticks) == {"ticks": 1}
            with pytest.raises(TimeoutError):  # and not an error of a connection that was given up
                await asyncio.wait_for(anext(ticks), 1.5)
            assert await session.execute(gql("{ hello }")) == {"hello": "Hello world"}


async def test_graphql_ws_is_pinged_and_answers(node: Node) -> None:
    async with serving(ping_interval=0.02) as served:
        # It would be let go after seven pings.
        assert json.loads(await node("pinged.js", served.url.replace("http", "ws", 1))) == {
            "pings": 30,
            "closed": False,
        }
