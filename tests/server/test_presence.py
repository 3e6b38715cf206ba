"""A window whose client has fallen asleep is not there, though its connection is; and it holds no place for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

import engines
from tests.graphql.served import Socket
from tests.server.callers import Caller
from tests.server.quick import quick

WATCH = """subscription ($id: ID!) { session(id: $id, presence: true) {
  ... on PresenceChanged { count present { client } } ... on CaughtUp { cursor } } }"""


class Client(Socket):
    """A window that takes part in who is there."""

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, session_id: str, name: str) -> AsyncIterator["Client"]:
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(url.replace("http", "ws", 1) + "/graphql", subprotocols=protocols) as connection:
            client = cls(connection)
            await client.send({"type": "connection_init", "payload": {"client": name}})
            assert await client.receive() == {"type": "connection_ack"}
            await client.subscribe("1", WATCH, variables={"id": session_id})
            yield client

    async def sees(self, *names: str | None) -> None:
        """Answers pings until just these are there."""
        async with asyncio.timeout(20):
            while True:
                frame = await self.receive()
                assert frame["type"] == "next", frame
                event = frame["payload"]["data"]["session"]
                if {each["client"] for each in event.get("present", [])} == set(names) and event:
                    return


@pytest.fixture
async def url(database: str, urls: engines.Urls) -> AsyncIterator[str]:
    async with quick(database, urls.redis, beat=0.5, max_windows=3) as url:
        yield url


@asynccontextmanager
async def answering(client: Client) -> AsyncIterator[None]:
    """Meanwhile what comes is read, and pings are answered."""

    async def answer() -> None:
        while True:
            await client.receive()

    task = asyncio.create_task(answer())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def begun(caller: Caller) -> str:
    session_id = str(uuid4())
    assert await caller.change("createSession", id=session_id) == "SessionPayload"
    return session_id


async def test_who_answers_no_ping_is_not_there_until_it_answers_again(url: str) -> None:
    async with Caller.at(f"{url}/graphql") as caller:
        session_id = await begun(caller)
    async with Client.at(url, session_id, "laptop") as laptop, Client.at(url, session_id, "phone") as phone:
        await laptop.sees("laptop", "phone")
        await laptop.sees("laptop")
        await phone.send({"type": "pong"})
        await laptop.sees("laptop", "phone")


async def test_who_answers_no_ping_for_long_loses_its_place(url: str) -> None:
    async with Caller.at(f"{url}/graphql") as caller:
        session_id = await begun(caller)
    async with Client.at(url, session_id, "laptop") as laptop, Client.at(url, session_id, "phone") as phone:
        await laptop.sees("laptop", "phone")
        async with answering(laptop):
            assert await phone.closed() == (4408, "no answer to pings")
        async with Client.at(url, session_id, "tablet") as tablet, Client.at(url, session_id, "watch") as watch:
            await watch.sees("laptop", "tablet", "watch")
            await tablet.sees("laptop", "tablet", "watch")
