"""GraphQL over server-sent events: the distinct connections mode of the graphql-sse protocol.

See https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md and, for the lines, section 9.2 of the HTML
standard.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial

from starlette.types import Receive, Send

from server.graphql import errors
from server.graphql.callers import Caller, Identity
from server.graphql.encoding import encode
from server.graphql.errors import Refused
from server.graphql.interruptions import Interruptible
from server.graphql.operations import Operation, Result
from server.graphql.service import Ending, Service, expired, going_away

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"vary", b"accept"),
    (b"x-accel-buffering", b"no"),
]
_COMPLETE = b"event: complete\ndata: \n\n"
_PING = b": ping\n\n"


class Disconnected(Exception):
    """The client left; nobody reads the answer."""


class EventStream[I: Identity]:
    """The answer to one request: its results as `next` events, then `complete`."""

    def __init__(self, send: Send, service: Service[I]) -> None:
        self._send = send
        self._service = service

    async def run(self, operation: Operation, caller: Caller[I], receive: Receive) -> None:
        """Stream an operation until it ends, the client leaves, its identity expires or the server goes away."""
        context = await self._service.context_of(caller)
        await self._start()
        async with Interruptible[Ending]() as work:
            left = partial(work.interrupt, Ending.DISCONNECTED)
            with self._service.kept(work), self._service.expiring(work, caller.identity):
                async with watch(receive, left, idle=self._service.ping_interval, ping=self._ping):
                    await self._results(operation, context)
        match work.reason:
            case Ending.GOING_AWAY:
                await self._error(going_away())
            case Ending.EXPIRED:
                await self._error(expired())
            case Ending.DISCONNECTED:
                return
        await self._write(_COMPLETE, more=False)

    async def refuse(self, refused: Refused) -> None:
        """Report an error of the request as the only event, as the protocol asks for."""
        await self._start()
        await self._error(refused)
        await self._write(_COMPLETE, more=False)

    async def _results(self, operation: Operation, context: object) -> None:
        try:
            async with aclosing(operation.run(context)) as results:
                async for result in results:
                    await self._write(_event(result))
        except Refused as refused:
            await self._error(refused)
        except Disconnected:
            raise
        except Exception as error:
            await self._error(Refused(errors.incident(error)))

    async def _start(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await self._write(b":\n\n")

    async def _error(self, refused: Refused) -> None:
        await self._write(_event(Result(encode({"errors": refused.formatted}), None)))

    async def _ping(self) -> None:
        await self._write(_PING)

    async def _write(self, chunk: bytes, *, more: bool = True) -> None:
        try:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})
        except OSError as error:
            raise Disconnected from error


def _event(result: Result) -> bytes:
    # An id with a line end would end the line, and one with a null character is ignored by clients.
    id_ = f"id: {result.event_id}\n".encode() if result.event_id and result.event_id.isprintable() else b""
    return b"%bevent: next\ndata: %b\n\n" % (id_, result.body)


@asynccontextmanager
async def watch(
    receive: Receive,
    left: Callable[[], None],
    *,
    idle: float | None = None,
    ping: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[None]:
    """Call `left` when the client of an HTTP request disconnects; meanwhile `ping` it every `idle` seconds."""
    watcher = asyncio.create_task(_watch(receive, left, idle, ping))
    try:
        yield
    finally:
        watcher.cancel()
        await asyncio.wait({watcher})


async def _watch(
    receive: Receive, left: Callable[[], None], idle: float | None, ping: Callable[[], Awaitable[None]] | None
) -> None:
    message = None
    while message is None or message["type"] != "http.disconnect":
        try:
            async with asyncio.timeout(idle):
                message = await receive()
        except TimeoutError:
            if ping is not None:
                with suppress(Disconnected):
                    await ping()
    left()
