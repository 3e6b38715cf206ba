"""Results one after the other in the answer to one HTTP request, in whatever format the client asked for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from starlette.types import Receive, Send

from transports import errors
from transports.callers import Caller, Identity
from transports.encoding import encode
from transports.errors import Refused
from transports.interruptions import Interruptible
from transports.operations import Operation
from transports.results import Result
from transports.service import Ending, Service, expired, going_away


@dataclass(frozen=True, slots=True)
class Format:
    """How a stream is written."""

    headers: Sequence[tuple[bytes, bytes]]
    opening: bytes
    """Sent at once, so that the client knows that it is connected."""
    ping: bytes
    result: Callable[[Result], bytes]
    broken: Callable[[Refused], bytes]
    """Says that the stream ends before the operation does, and why."""
    ending: bytes


class Disconnected(Exception):
    """The client left; nobody reads the answer."""


class Stream[I: Identity]:
    """The answer to one request: the results of an operation, one after the other."""

    def __init__(self, send: Send, service: Service[I], format: Format) -> None:
        self._send = send
        self._service = service
        self._format = format

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
                await self._write(self._format.broken(going_away()))
            case Ending.EXPIRED:
                await self._write(self._format.broken(expired()))
            case Ending.DISCONNECTED:
                return
        await self._write(self._format.ending, more=False)

    async def refuse(self, refused: Refused) -> None:
        """Report an error of the request as the only result."""
        await self._start()
        await self._error(refused)
        await self._write(self._format.ending, more=False)

    async def _results(self, operation: Operation, context: object) -> None:
        try:
            async with aclosing(operation.run(context)) as results:
                async for result in results:
                    await self._write(self._format.result(result))
        except Refused as refused:
            await self._error(refused)
        except Disconnected:
            raise
        except Exception as error:
            await self._error(Refused(errors.incident(error)))

    async def _start(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": self._format.headers})
        await self._write(self._format.opening)

    async def _error(self, refused: Refused) -> None:
        await self._write(self._format.result(Result(encode({"errors": refused.formatted}), None)))

    async def _ping(self) -> None:
        await self._write(self._format.ping)

    async def _write(self, chunk: bytes, *, more: bool = True) -> None:
        try:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})
        except OSError as error:
            raise Disconnected from error


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
