"""A small server with the part of the API that the pages use, whose replies are dictated by a test."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from server import pages

REFUSED = "EMPTY"
REFUSED_TOKEN = "The token is not valid here: it is no JSON Web Token."


@strawberry.interface
class Part:
    index: int


@strawberry.type
class TextPart(Part):
    text: str


@strawberry.type
class ReasoningPart(Part):
    text: str


@strawberry.type
class Compaction:
    text: str


@strawberry.type
class Message:
    id: strawberry.ID
    role: str
    status: str
    content: str
    parts: list[Part] = strawberry.field(default_factory=list)
    parent_id: strawberry.ID | None = None
    compaction: Compaction | None = None


@strawberry.type
class Run:
    id: strawberry.ID
    status: str


@strawberry.type
class MessageEdge:
    node: Message


@strawberry.type
class MessageConnection:
    edges: list[MessageEdge]


@strawberry.type
class Session:
    id: strawberry.ID
    title: str
    listed: strawberry.Private[list[Message]]

    @strawberry.field
    def message_count(self) -> int:
        return len(self.listed)

    @strawberry.field
    def last_message_preview(self) -> str | None:
        return self.listed[-1].content if self.listed else None

    @strawberry.field
    def messages(self, last: int) -> MessageConnection:
        return MessageConnection(edges=[MessageEdge(node=message) for message in self.listed[-last:]])


@strawberry.type
class SessionEdge:
    node: Session


@strawberry.type
class SessionConnection:
    edges: list[SessionEdge]


@strawberry.type
class Viewer:
    id: strawberry.ID
    name: str


@strawberry.type
class TextDelta:
    message_id: strawberry.ID
    offset: int
    text: str
    index: int = 0


@strawberry.type
class PartChanged:
    message_id: strawberry.ID
    part: Part


@strawberry.type
class MessageChanged:
    message: Message


@strawberry.type
class RunChanged:
    run: Run


@strawberry.type
class RunProgress:
    run_id: strawberry.ID
    read: int
    total: int
    compacting: bool = False


@strawberry.type
class BranchChanged:
    leaf_id: strawberry.ID | None
    branch_chosen: bool


@strawberry.type
class CaughtUp:
    cursor: str


@strawberry.type
class Reset:
    reason: str


@strawberry.interface
class UserError:
    reason: str


@strawberry.type
class InvalidInput(UserError):
    pass


@strawberry.type
class SendMessagePayload:
    session: Session
    message: Message
    reply: Message
    run: Run


@strawberry.input
class SendMessageInput:
    text: str
    session_id: strawberry.ID | None = None


SessionEvent = Annotated[
    TextDelta | PartChanged | MessageChanged | BranchChanged | RunChanged | RunProgress | CaughtUp | Reset,
    strawberry.union("SessionEvent"),
]
SendMessageResult = Annotated[SendMessagePayload | InvalidInput, strawberry.union("SendMessageResult")]


@dataclass
class Script:
    """The sessions there are, who follows them, and the reply that a test dictates."""

    sessions: dict[str, Session] = field(default_factory=dict)
    followers: list[asyncio.Queue[Any]] = field(default_factory=list)
    reply: Message | None = None
    authorization: dict[str, str | None] = field(default_factory=dict)
    followed: asyncio.Event = field(default_factory=asyncio.Event)
    unfollowed: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, session_id: str | None, text: str) -> SendMessagePayload:
        session = self.sessions.get(session_id or "") or Session(id=strawberry.ID("s1"), title=text, listed=[])
        self.sessions[session.id] = session
        count = len(session.listed)
        message = Message(id=strawberry.ID(f"m{count}"), role="USER", status="COMPLETE", content=text)
        self.reply = Message(id=strawberry.ID(f"m{count + 1}"), role="ASSISTANT", status="STREAMING", content="")
        session.listed += [message, self.reply]
        run = Run(id=strawberry.ID("r1"), status="RUNNING")
        self.tell(MessageChanged(message=message), RunChanged(run=run), MessageChanged(message=self.reply))
        return SendMessagePayload(session=session, message=message, reply=self.reply, run=run)

    def say(self, text: str) -> None:
        """Adds one token to the reply."""
        assert self.reply
        self.tell(TextDelta(message_id=self.reply.id, offset=utf16_length(self.reply.content), text=text))
        self.reply.content += text

    def finish(self) -> None:
        """Ends the reply."""
        assert self.reply
        self.reply.status = "COMPLETE"
        self.tell(MessageChanged(message=self.reply))

    def tell(self, *events: Any) -> None:
        for follower in self.followers:
            for event in events:
                follower.put_nowait(event)


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class _Locked:
    """Takes requests whose token has dots."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "." in Request(scope).headers.get("authorization", ""):
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"errors": [{"message": REFUSED_TOKEN}]})(scope, receive, send)


def application(script: Script, *, token: bool = False) -> Starlette:
    """The stand-in with the real pages, which say that a `token` is needed; then the stand-in takes what has dots."""

    @strawberry.type
    class Query:
        @strawberry.field
        def viewer(self, info: strawberry.Info[Any, Any]) -> Viewer:
            script.authorization["http"] = info.context["request"].headers.get("authorization")
            return Viewer(id=strawberry.ID("u1"), name="Ada")

        @strawberry.field
        def sessions(self, first: int) -> SessionConnection:
            return SessionConnection(edges=[SessionEdge(node=node) for node in [*script.sessions.values()][:first]])

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def send_message(self, info: strawberry.Info[Any, Any], input: SendMessageInput) -> SendMessageResult:
            script.authorization["mutation"] = info.context["request"].headers.get("authorization")
            if not input.text.strip("!"):
                return InvalidInput(reason=REFUSED)
            return script.send(input.session_id, input.text)

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def session(
            self, info: strawberry.Info[Any, Any], id: strawberry.ID
        ) -> AsyncGenerator[SessionEvent, None]:
            script.authorization["socket"] = (info.context.get("connection_params") or {}).get("Authorization")
            inbox: asyncio.Queue[Any] = asyncio.Queue()
            for message in script.sessions[id].listed:
                inbox.put_nowait(MessageChanged(message=message))
            inbox.put_nowait(CaughtUp(cursor="c1"))
            script.followers.append(inbox)
            script.followed.set()
            try:
                while True:
                    yield await inbox.get()
            finally:
                script.followers.remove(inbox)
                script.unfollowed.set()

    schema = strawberry.Schema(Query, Mutation, Subscription, types=[TextPart, ReasoningPart])
    endpoint: GraphQL[Any, Any] = GraphQL(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])

    async def sdl(_request: Request) -> Response:
        return PlainTextResponse(schema.as_str())

    return Starlette(
        routes=[
            *pages.routes(token=token),
            Route("/graphql", _Locked(endpoint) if token else endpoint),
            WebSocketRoute("/graphql", endpoint),
            Route("/schema.graphql", sdl),
        ],
        exception_handlers={404: pages.not_found},
    )
