"""GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/): one request, one operation."""

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from graphql import OperationType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from transports import errors, negotiation
from transports.callers import Caller, Identity, client_name
from transports.encoding import decode, encode
from transports.errors import Code, Refused, refusal
from transports.interruptions import Interruptible
from transports.multipart import PARTS
from transports.operations import Operation
from transports.requests import Request
from transports.service import Answering, Ending, Service
from transports.sse import EVENTS
from transports.streams import Disconnected, Stream

CLIENT_HEADER = "x-transom-client"
SOON = 0.05
"""Seconds after which a client may have left that waits for its answer."""

_STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.RATE_LIMITED: 429,
    Code.QUOTA_EXCEEDED: 429,
    Code.INTERNAL: 500,
    Code.SERVICE_UNAVAILABLE: 503,
    Code.TIMED_OUT: 504,
}
_ALWAYS_400 = {Code.BAD_REQUEST}
_STREAMS = {negotiation.EVENTS: EVENTS, negotiation.PARTS: PARTS}


class HTTPTransport[I: Identity]:
    """Answers GET and POST with one JSON result, or with a stream of results if the client asks for that."""

    def __init__(self, service: Service[I]) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        accept = ", ".join(headers.getlist("accept")) or None
        media_type = negotiation.choose(accept, streams=False)
        try:
            try:
                await self._answer(scope, receive, send, headers, accept)
            except Refused:
                raise
            except Disconnected:
                return
            except Exception as error:
                raise Refused(errors.incident(error)) from error
        except Refused as refused:
            await _refuse(send, refused, media_type)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Headers, accept: str | None) -> None:
        method = scope["method"]
        if method not in {"GET", "POST"}:
            raise refusal(Code.BAD_REQUEST, "Use GET or POST.", status=405, headers=[("allow", "GET, POST")])
        self._service.refuse_if_closing()
        _refuse_embedding(headers)
        if method == "POST":
            _check_content_type(headers)
        async with Answering(self._service):
            identity = await self._service.identify(headers.get("authorization"))
            client = client_name(headers.get(CLIENT_HEADER))
            parameters = _from_query(scope) if method == "GET" else decode(await self._body(receive, headers))
        stream_only = negotiation.choose(accept, streams=False) == negotiation.EVENTS
        try:
            operation = self._service.operations.prepare(Request.of(parameters))
        except Refused as refused:
            if stream_only and refused.code not in _ALWAYS_400:
                await Stream(send, self._service, EVENTS).refuse(refused)
                return
            raise
        if method == "GET" and operation.kind is OperationType.MUTATION:
            raise refusal(Code.BAD_REQUEST, "Mutations need POST.", status=405, headers=[("allow", "POST")])
        media_type = negotiation.choose(accept, streams=operation.streams)
        if media_type is None:
            raise _not_acceptable(operation)
        if (format := _STREAMS.get(media_type)) is not None:
            caller = Caller(identity, client, "stream", headers.get("last-event-id"))
            await Stream(send, self._service, format).run(operation, caller, receive)
            return
        body = await self._execute(operation, Caller(identity, client, "http"), receive)
        await _respond(send, 200, media_type, body)

    async def _execute(self, operation: Operation, caller: Caller[I], receive: Receive) -> bytes:
        """The result of a query or mutation; if the client leaves, nobody waits for it, and a query is cancelled."""
        work = Answering(self._service)
        async with work, _Leaving(receive, work):
            context = await self._service.context_of(caller)
            result = await operation.answer(context)
        if work.reason is not None:
            raise Disconnected
        return result.body

    async def _body(self, receive: Receive, headers: Headers) -> bytes:
        limit = self._service.max_request_bytes
        length = headers.get("content-length", "")
        body = bytearray()
        more = True
        while more:
            if len(body) > limit or (length.isdecimal() and int(length) > limit):
                message = f"The request is larger than {limit:,} bytes."
                raise refusal(Code.BAD_REQUEST, message, status=413, headers=[("connection", "close")])
            message_ = await receive()
            if message_["type"] == "http.disconnect":
                raise Disconnected
            body += message_.get("body", b"")
            more = message_.get("more_body", False) or len(body) > limit
        return bytes(body)


class _Leaving:
    """Interrupts work when the client leaves. Most work is over before anybody looks whether it has."""

    __slots__ = ("_receive", "_timer", "_watching", "_work")

    def __init__(self, receive: Receive, work: Interruptible[Ending]) -> None:
        self._receive = receive
        self._work = work
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SOON, self._look)

    def _look(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._work.interrupt(Ending.DISCONNECTED)

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})


def _refuse_embedding(headers: Headers) -> None:
    """Refuse images, scripts and the like of other sites' pages: browsers send those without asking first."""
    embeds = headers.get("sec-fetch-mode") == "no-cors"
    if embeds and headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise refusal(Code.FORBIDDEN, "A page of another site may call this with fetch only, and not with 'no-cors'.")


def _check_content_type(headers: Headers) -> None:
    """Refuse everything but JSON in UTF-8: HTML forms of other sites cannot send that without asking first."""
    content_type, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charset = next((p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    encoding = headers.get("content-encoding", "identity").lower()
    if content_type != negotiation.JSON or charset not in {"utf-8", "utf8"} or encoding != "identity":
        raise refusal(Code.BAD_REQUEST, "Send the request as application/json in UTF-8, not compressed.", status=415)


def _from_query(scope: Scope) -> dict[str, Any]:
    """The parameters of a GET; `variables` and `extensions` are JSON."""
    try:
        pairs = parse_qsl(scope["query_string"].decode("ascii"), errors="strict", max_num_fields=100)
    except ValueError as error:
        raise refusal(Code.BAD_REQUEST, "The query string is malformed.") from error
    parameters: dict[str, Any] = dict(pairs)
    if len(parameters) < len(pairs):
        raise refusal(Code.BAD_REQUEST, "The query string has a parameter twice.")
    for name in {"variables", "extensions"} & parameters.keys():
        parameters[name] = decode(parameters[name])
    return parameters


def _not_acceptable(operation: Operation) -> Refused:
    if operation.streams:
        message = (
            "A subscription is answered by a stream: name it in 'Accept', as text/event-stream or multipart/mixed."
        )
    else:
        message = "This answer is application/graphql-response+json or application/json, which 'Accept' does not allow."
    return refusal(Code.BAD_REQUEST, message, status=406)


async def _refuse(send: Send, refused: Refused, media_type: str | None) -> None:
    if media_type in {None, negotiation.EVENTS}:
        media_type = negotiation.JSON
    status = refused.status or _STATUS.get(refused.code)
    if status is None:
        # The legacy media type answers 200 to everything that is well-formed as a request.
        legacy = media_type == negotiation.JSON and refused.code not in _ALWAYS_400
        status = 200 if legacy else 400
    headers = refused.headers + ((("www-authenticate", "Bearer"),) if status == 401 else ())
    await _respond(send, status, media_type or negotiation.JSON, encode({"errors": refused.formatted}), headers)


async def _respond(
    send: Send, status: int, media_type: str, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> None:
    raw = [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept"),
        *((name.encode(), value.encode()) for name, value in headers),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
