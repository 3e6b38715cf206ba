"""A small schema behind a real server."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

import orjson
import strawberry
import uvicorn
from graphql import GraphQLError
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from transports import Caller, GraphQLEndpoint, Unauthenticated


@dataclass
class Witness:
    """What the resolvers saw."""

    running: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by tests: what waits for it goes on."""
    callers: list[Caller["Person"]] = field(default_factory=list)
    contexts: list["Context"] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    """Those who are not let in any more."""


@dataclass(frozen=True)
class Person:
    name: str
    expires_at: datetime | None = None


@dataclass
class Context:
    caller: Caller[Person]
    witness: Witness


type Info = strawberry.Info[Context, None]


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.input
class Point:
    x: int
    y: int = 0


@strawberry.type
class Node:
    id: int

    @strawberry.field
    def child(self) -> "Node":
        return Node(id=self.id + 1)

    @strawberry.field
    def name(self) -> str:
        return f"node {self.id}"


async def _wait_for_ever(info: Info) -> str:
    witness = info.context.witness
    witness.running += 1
    witness.started.set()
    try:
        await asyncio.Event().wait()
    finally:
        witness.running -= 1
        witness.finished.set()
    return "never"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def viewer(self, info: Info) -> str:
        caller = info.context.caller
        return f"{caller.identity.name} at {caller.client} over {caller.transport}"

    @strawberry.field
    def node(self) -> Node:
        return Node(id=0)

    @strawberry.field
    async def stuck(self, info: Info) -> str:
        return await _wait_for_ever(info)

    @strawberry.field
    def broken(self, secret: str = "") -> str | None:
        raise RuntimeError(f"the database said {secret}")

    @strawberry.field
    def broken_whole(self) -> str:
        raise RuntimeError("no")

    @strawberry.field
    def refused(self) -> str | None:
        raise GraphQLError("Not like this.", extensions={"code": "BAD_USER_INPUT", "hint": 1})

    @strawberry.field
    def uncoded(self) -> str | None:
        raise GraphQLError("internal detail")

    @strawberry.field
    def not_a_number(self) -> int | None:
        return "hush"  # type: ignore[return-value]

    @strawberry.field
    def sized(self, length: int) -> str:
        return "x" * length

    @strawberry.field
    def typed(self, number: int = 0, colour: Colour = Colour.RED, point: Point | None = None) -> int:
        return number


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add(self, a: int, b: int) -> int:
        return a + b

    @strawberry.mutation
    async def slow(self, info: Info) -> int:
        """Waits until it is released."""
        info.context.witness.running += 1
        await info.context.witness.released.wait()
        info.context.witness.finished.set()
        return 1

    @strawberry.mutation
    async def stuck(self, info: Info) -> str:
        return await _wait_for_ever(info)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info, to: int = 3) -> AsyncGenerator[int]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def ticks(self, info: Info) -> AsyncGenerator[int]:
        """One event, then silence."""
        witness = info.context.witness
        witness.running += 1
        witness.started.set()
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            witness.running -= 1
            witness.finished.set()

    @strawberry.subscription
    async def flood(self, info: Info) -> AsyncGenerator[str]:
        witness = info.context.witness
        while True:
            witness.running += 1
            yield "x" * 100_000

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[int]:
        raise GraphQLError("Not yours.", extensions={"code": "FORBIDDEN"})
        yield 1

    @strawberry.subscription
    async def refused_early(self) -> AsyncIterator[int]:
        """Not a generator: it fails before there is a stream."""
        raise GraphQLError("Not yours.", extensions={"code": "FORBIDDEN"})

    @strawberry.subscription
    async def broken(self) -> AsyncGenerator[int]:
        yield 1
        raise RuntimeError("the broker said hush")

    @strawberry.subscription
    async def nodes(self) -> AsyncGenerator[Node]:
        yield Node(id=7)


schema = strawberry.Schema(Query, Mutation, Subscription)


async def anybody(credential: str | None) -> Person:
    """`Bearer <name>` is that person, nothing is a guest, and nobody else is known."""
    if credential is None:
        return Person("guest")
    scheme, _, name = credential.rpartition(" ")
    if scheme not in {"", "Bearer"} or name == "nobody":
        raise Unauthenticated("The token is not valid.")
    return Person(name)


@dataclass
class Served:
    endpoint: GraphQLEndpoint[Person]
    witness: Witness
    server: uvicorn.Server
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"


@asynccontextmanager
async def serving(
    *, authenticate: Callable[[str | None], Awaitable[Person]] = anybody, **options: Any
) -> AsyncIterator[Served]:
    """A server on a free loopback port."""
    witness = Witness()

    async def context(caller: Caller[Person]) -> Context:
        if caller.identity.name in witness.unknown:
            raise Unauthenticated("The account is closed.")
        witness.callers.append(caller)
        witness.contexts.append(Context(caller, witness))
        return witness.contexts[-1]

    endpoint = GraphQLEndpoint(schema, authenticate=authenticate, context=context, **options)
    config = uvicorn.Config(
        Starlette(routes=endpoint.routes()),
        port=0,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield Served(endpoint, witness, server, server.servers[0].sockets[0].getsockname()[1])
    finally:
        await endpoint.shutdown()
        server.should_exit = True
        async with asyncio.timeout(10):
            await task


class Socket:
    """A raw client of the protocol: what it sends and gets is written out in the tests."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, frame: object) -> None:
        await self.connection.send(orjson.dumps(frame).decode())

    async def receive(self) -> Any:
        """The next message that is no ping; those are answered."""
        while True:
            async with asyncio.timeout(10):
                text = await self.connection.recv()
            assert isinstance(text, str)
            frame = orjson.loads(text)
            if frame != {"type": "ping"}:
                return frame
            await self.send({"type": "pong"})

    async def closed(self) -> tuple[int, str]:
        """The code and reason the server closes with, after whatever it still sends."""
        with suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    await self.connection.recv()
        return self.connection.close_code or 0, self.connection.close_reason or ""

    async def subscribe(self, id_: str, query: str, **parameters: object) -> None:
        await self.send({"type": "subscribe", "id": id_, "payload": {"query": query, **parameters}})


@asynccontextmanager
async def socket(
    served: Served,
    *,
    init: dict[str, object] | Literal[False] | None = None,
    protocols: tuple[str, ...] = ("graphql-transport-ws",),
    origin: str | None = None,
) -> AsyncIterator[Socket]:
    """An open socket, acknowledged unless `init` is false."""
    address = served.url.replace("http", "ws", 1)
    subprotocols = [Subprotocol(protocol) for protocol in protocols]
    headers = {"Origin": origin} if origin else {}
    async with connect(address, subprotocols=subprotocols, additional_headers=headers, max_size=None) as connection:
        client = Socket(connection)
        if init is not False:
            await client.send({"type": "connection_init"} | ({"payload": init} if init else {}))
            assert await client.receive() == {"type": "connection_ack"}
        yield client


async def within(seconds: float, event: asyncio.Event) -> None:
    async with asyncio.timeout(seconds):
        await event.wait()


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is not ours to signal)
            await asyncio.sleep(0.005)


__all__ = ["Person", "Served", "Socket", "Witness", "serving", "socket", "until", "within"]
