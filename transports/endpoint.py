"""The GraphQL endpoint: one address for HTTP, server-sent events and WebSocket."""

from collections.abc import Mapping

import strawberry
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from db.budgets import ANSWER_BYTES, ANSWER_ROWS, TOGETHER, Budgets
from transports.callers import Admit, Authenticate, Identity, MakeContext, own_pages
from transports.documents import Documents
from transports.errors import Explain, unexplained
from transports.http import HTTPTransport
from transports.limits import Limits
from transports.operations import EventId, Operations
from transports.persisted import PersistedDocuments
from transports.pulse import Pulse
from transports.service import Service
from transports.size import Size
from transports.ws import WebSocketTransport


class GraphQLEndpoint[I: Identity]:
    """An ASGI application that serves a schema.

    Every operation gets a fresh context from `context(caller)`. `authenticate(credential)` is given what the client
    sent in `Authorization` (or `connection_init`) and returns an identity or raises `Unauthenticated`.

    Times are in seconds. `operation_timeout` bounds queries and mutations. Sockets and streams are pinged every
    `ping_interval`; a socket whose client leaves six pings unanswered is closed (4408). `admit` says which pages may
    open sockets. `explain` gives the code and the text of exceptions that are no faults.

    An answer has at most `answer_rows` rows, by the `sizes` of lists (`Type.field`), and takes at most `answer_bytes`
    while it is made.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        authenticate: Authenticate[I],
        context: MakeContext[I],
        limits: Limits | None = None,
        introspection: bool = True,
        persisted: PersistedDocuments | None = None,
        admit: Admit = own_pages,
        max_request_bytes: int = 1_000_000,
        max_operations_per_socket: int = 100,
        operation_timeout: float = 30.0,
        sizes: Mapping[str, Size] | None = None,
        answer_rows: int = ANSWER_ROWS,
        answer_bytes: int = ANSWER_BYTES,
        connection_init_timeout: float = 5.0,
        ping_interval: float = 10.0,
        event_id: EventId | None = None,
        explain: Explain = unexplained,
    ) -> None:
        operations = Operations(
            schema,
            Documents(schema._schema, limits or Limits(), introspection=introspection, sizes=sizes),
            persisted or PersistedDocuments(),
            budgets=Budgets(answer_bytes, TOGETHER * answer_bytes),
            answer_rows=answer_rows,
            timeout=operation_timeout,
            event_id=event_id,
            explain=explain,
        )
        self._service = Service(
            operations,
            authenticate,
            context,
            admit,
            max_request_bytes=max_request_bytes,
            max_operations_per_socket=max_operations_per_socket,
            connection_init_timeout=connection_init_timeout,
            ping_interval=ping_interval,
            pulse=Pulse(ping_interval),
        )
        self._http = HTTPTransport(self._service)
        self._websocket = WebSocketTransport(self._service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or one WebSocket."""
        transport = self._websocket if scope["type"] == "websocket" else self._http
        await transport(scope, receive, send)

    def routes(self, path: str = "/graphql") -> list[BaseRoute]:
        """The Starlette routes of the endpoint."""
        return [Route(path, self), WebSocketRoute(path, self)]

    def close(self) -> None:
        """Take no new work."""
        self._service.closing = True

    async def shutdown(self, timeout: float = 5.0, grace: float = 3.0) -> None:
        """Take no new work, and end every socket (close code 1001) and event stream (a coded error, then `complete`).

        Queries and mutations may end by themselves for `grace` seconds; then they are cancelled, and their clients are
        told `SERVICE_UNAVAILABLE`. Returns when all are gone, or after `timeout` seconds more.
        """
        await self._service.shutdown(timeout, grace)
