"""GraphQL over WebSocket: the graphql-transport-ws protocol, and no other.

See https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Pings of the WebSocket protocol itself are the
server's (uvicorn's `ws_ping_interval`); browsers answer them for pages that are frozen or kept for the back button. So
pages are pinged, too, with messages of this protocol.

A client that may come back, and find things better then, is closed with a code after which clients do (1001, 1013,
4403, 4408); one that would make the same mistake again, with one after which they do not.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from transports import errors, frames
from transports.callers import Caller, Identity, client_name
from transports.errors import Code, Refused, refusal
from transports.frames import Close, Spoiled
from transports.interruptions import Interruptible
from transports.operations import Operation
from transports.requests import Request
from transports.service import Answering, Ending, Service, going_away

_CLOSING = {
    Ending.EXPIRED: Close(4403, "token expired"),
    Ending.GOING_AWAY: Close(1001, "going away"),
    Ending.NO_INIT: Close(4408, "Connection initialisation timeout"),
    Ending.SILENT: Close(4408, "no answer to pings"),
}
_GREETING = {Code.UNAUTHENTICATED: 4403, Code.FORBIDDEN: 4403, Code.BAD_REQUEST: 4400}
_LONGEST_GOODBYE = 2.0
_TRY_AGAIN_LATER = 1013
_PING = frames.write("ping")
AWAY = 3
"""Pings without any message of the client after which nobody is taken to be there, the last of them just sent."""
SILENT = 6
"""Pings after which the next one is the end of the socket."""

WRITE = "transom.write"
"""The ASGI extension of a server that can send text frames without waiting; its value is a `Write`."""

type Write = Callable[[bytes], bool]
"""Sends a text frame at once. False: the socket takes nothing just now, and nothing was sent."""


class WebSocketTransport[I: Identity]:
    """Accepts sockets of programs, and of pages that may open them."""

    def __init__(self, service: Service[I]) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it closes."""
        await receive()
        headers = Headers(scope=scope)
        if (reason := self._service.admit(headers)) is not None:
            await _turn_away(scope, send, reason)
            return
        with suppress(OSError):
            if frames.PROTOCOL in scope["subprotocols"]:
                write: Write | None = scope.get("extensions", {}).get(WRITE)
                socket = _Socket(self._service, receive, send, headers.get("authorization"), write)
                await send({"type": "websocket.accept", "subprotocol": frames.PROTOCOL})
                await socket.serve()
            else:
                await send({"type": "websocket.accept"})
                await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})


async def _turn_away(scope: Scope, send: Send, reason: str) -> None:
    """Answers a handshake with 403 and a sentence, which a browser's tools show and the page itself never sees."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4403, "reason": "Origin not allowed"})
        return
    body = f"{reason}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


class _Socket[I: Identity]:
    """One connection and the operations that run over it."""

    __slots__ = (
        *("_asgi_send", "_caller", "_credential", "_operations", "_receive", "_service", "_tasks", "_unanswered"),
        *("_work", "_write"),
    )

    def __init__(
        self, service: Service[I], receive: Receive, send: Send, credential: str | None, write: Write | None
    ) -> None:
        self._service = service
        self._write = write
        self._receive = receive
        self._asgi_send = send
        self._credential = credential
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._caller: Caller[I] | None = None
        self._unanswered = 0

    @property
    def away(self) -> bool:
        """Whether the client seems to be asleep."""
        return self._unanswered >= AWAY

    def beat(self) -> None:
        """Pings the client, unless it has been silent for too long."""
        if self._unanswered >= SILENT:
            self._work.interrupt(Ending.SILENT)
            return
        self._unanswered += 1
        if self._write is not None:
            self._write(_PING.encode())  # where nothing can be written, nothing will be answered
        else:
            task = asyncio.create_task(self._ping())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ping(self) -> None:
        with suppress(_Left):
            await self._send(_PING)

    async def serve(self) -> None:
        """Read messages until the socket ends; then end every operation, and close."""
        closing: Close | None = None
        try:
            async with Interruptible[Ending]() as work:
                self._work = work
                with self._service.kept(work):
                    closing = await self._converse(work)
            if work.reason is not None:
                closing = _CLOSING[work.reason]
        finally:
            await self._end(closing)

    async def _converse(self, work: Interruptible[Ending]) -> Close | None:
        """Handle messages until there are no more; how to close, if it is not the client that did."""
        loop = asyncio.get_running_loop()
        waiting = loop.call_later(self._service.connection_init_timeout, work.interrupt, Ending.NO_INIT)
        try:
            while self._caller is None:
                await self._greet(await self._read())
            waiting.cancel()
            turn = self._service.pulse.join(self)
            try:
                with self._service.expiring(work, self._caller.identity):
                    while True:
                        await self._handle(await self._read(), self._caller)
            finally:
                turn.discard(self)
        except _Left:
            return None
        except Close as close:
            return close
        except Exception as error:
            return Close(_TRY_AGAIN_LATER, errors.incident(error).message)
        finally:
            waiting.cancel()

    async def _greet(self, frame: dict[str, Any]) -> None:
        """Handle a message that comes before the connection is acknowledged."""
        match frame["type"]:
            case "connection_init":
                payload = frame.get("payload") or {}
                try:
                    identity = await self._service.identify(_credential(payload) or self._credential)
                    client = client_name(payload.get("client"))
                except Refused as refused:
                    raise Close(_GREETING.get(refused.code, _TRY_AGAIN_LATER), refused.errors[0].message) from None
                await self._send(frames.write("connection_ack"))
                self._caller = Caller(identity, client, "websocket")
            case "subscribe":
                raise Close(4401, "Unauthorized")
            case _:
                await self._always(frame)

    async def _handle(self, frame: dict[str, Any], caller: Caller[I]) -> None:
        """Handle a message on an acknowledged connection."""
        match frame["type"]:
            case "connection_init":
                raise Close(4429, "Too many initialisation requests")
            case "subscribe":
                await self._subscribe(frame["id"], frame["payload"], caller)
            case _:
                await self._always(frame)

    async def _always(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ping":
                await self._send(frames.write("pong", payload=frame.get("payload")))
            case "complete":
                task = self._operations.pop(frame["id"], None)
                if task is not None:
                    task.cancel()

    async def _subscribe(self, id_: str, payload: dict[str, Any], caller: Caller[I]) -> None:
        self._refuse_twice(id_)
        try:
            request = Request.of(payload)
        except Refused as refused:
            await self._send(frames.write("error", id_=id_, payload=refused.formatted))
            return
        most = self._service.max_operations_per_socket
        if len(self._operations) >= most:
            full = refusal(Code.TOO_MANY_OPERATIONS, f"The socket runs {most} operations already.")
            await self._send(frames.write("error", id_=id_, payload=full.formatted))
            return
        task = asyncio.create_task(self._run(id_, request, caller))
        self._operations[id_] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse_twice(self, id_: str) -> None:
        """Raises `Close` if an operation of this id runs."""
        if id_ in self._operations:
            raise Close(4409, f"Subscriber for {id_} already exists")

    async def _run(self, id_: str, request: Request, caller: Caller[I]) -> None:
        """Run one operation to its end. What goes wrong is told to it alone."""
        with suppress(_Left):
            try:
                operation = self._service.operations.prepare(request)
                del request  # and its text: a subscription lives long
                if operation.streams:
                    await self._results(id_, operation, caller)
                elif self._service.closing:
                    raise going_away()
                else:
                    async with Answering(self._service, self._work):
                        await self._results(id_, operation, caller)
            except Refused as refused:
                await self._finish(id_, frames.write("error", id_=id_, payload=refused.formatted))
            except _Left:
                raise
            except Exception as error:
                payload = [errors.incident(error).formatted]
                await self._finish(id_, frames.write("error", id_=id_, payload=payload))
            else:
                await self._finish(id_, frames.write("complete", id_=id_))

    async def _results(self, id_: str, operation: Operation, caller: Caller[I]) -> None:
        context = await self._service.context_of(caller)
        prefix, task = frames.next_prefix(id_), asyncio.current_task()

        def take(body: bytes) -> bool:
            assert self._write is not None
            return self._operations.get(id_) is task and self._write(prefix + body + b"}")

        async with aclosing(operation.run(context, take if self._write else None, self)) as results:
            async for result in results:
                if not self._is_running(id_):
                    return
                frame = prefix + result.body + b"}"
                if self._write is None or not self._write(frame):
                    await self._send(frame.decode())
                del result, frame

    def _is_running(self, id_: str) -> bool:
        """Whether the client still wants what this task does: it may have completed it, and reused the id."""
        return self._operations.get(id_) is asyncio.current_task()

    async def _finish(self, id_: str, frame: str) -> None:
        """Send the last message of an operation; its id is free again before the client can know."""
        if self._is_running(id_):
            del self._operations[id_]
            await self._send(frame)

    async def _end(self, closing: Close | None) -> None:
        """Cancel every operation, say goodbye, and wait until their finalisers have run."""
        self._operations.clear()
        for task in self._tasks:
            task.cancel()
        if closing is not None:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_LONGEST_GOODBYE):
                    message = {"type": "websocket.close", "code": closing.code, "reason": closing.reason}
                    await self._asgi_send(message)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _read(self) -> dict[str, Any]:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise _Left
            self._unanswered = 0
            try:
                return frames.read(message, self._service.max_request_bytes)
            except Spoiled as spoiled:
                if self._caller is None:
                    raise Close(4401, "Unauthorized") from None
                self._refuse_twice(spoiled.id)
                await self._send(frames.write("error", id_=spoiled.id, payload=spoiled.refused.formatted))

    async def _send(self, text: str) -> None:
        """Send one message. Waits while the client is too slow to read, so that nothing piles up here.

        Raises:
            _Left: the client is gone.
        """
        try:
            await self._asgi_send({"type": "websocket.send", "text": text})
        except OSError:
            raise _Left from None


class _Left(Exception):
    """The client closed the socket, or is gone."""


def _credential(payload: dict[str, Any]) -> str | None:
    """The credential of a `connection_init`, which stands in one of the places that clients are known to use."""
    places = [payload, payload.get("headers")]
    for place in places:
        if isinstance(place, dict):
            for name in ("Authorization", "authorization"):
                if isinstance(place.get(name), str):
                    return str(place[name])
    return None
