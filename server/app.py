"""The application: every part put together."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, override

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from chat import life, refusals
from chat.allowances import Allowances
from chat.process import Timing
from chat.scope import Scope, Viewer
from db.database import Database
from db.failures import transient
from llm.models import Models
from pubsub.rates import Rates
from pubsub.redis import RedisBus
from resolvers.root import api
from schema.context import Context
from server import health, pages
from server.authentication import Authentication, Identity
from server.graphql import Caller, Code, Explained, GraphQLEndpoint
from server.settings import Settings, current
from server.state import State

_log = logging.getLogger("transom.app")

GRAPHQL = "/graphql"
"""The path of the API."""

_REFUSALS = {
    refusals.InvalidInput: Code.BAD_USER_INPUT,
    refusals.IdTaken: Code.BAD_USER_INPUT,
    refusals.NotFound: Code.NOT_FOUND,
    refusals.NotAllowed: Code.FORBIDDEN,
}


class Transom(Starlette):
    """The ASGI application of one process. Its engines must run, and the database must be migrated."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shared = State()
        self.endpoint = GraphQLEndpoint(
            api,
            authenticate=Authentication(settings, lambda: self.shared.process),
            context=self._context,
            explain=_explain,
            allowed_origins=settings.origins,
            event_id=_cursor,
        )
        super().__init__(
            routes=[
                *self.endpoint.routes(GRAPHQL),
                Route("/schema.graphql", _sdl),
                *health.routes(self.shared),
                *pages.routes(),
            ],
            middleware=[
                Middleware(
                    CORSMiddleware,
                    allow_origins=settings.origins,
                    allow_methods=["GET", "POST"],
                    allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "X-Transom-Client"],
                    max_age=86_400,
                )
            ],
            exception_handlers={404: pages.not_found},
            lifespan=self._lifespan,
        )

    @override
    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """As Starlette. But a socket, which stays long, does not keep the frames of layers that do nothing for it."""
        if scope["type"] == "websocket" and scope["path"] == GRAPHQL:
            await self.endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _context(self, caller: Caller[Identity]) -> Context:
        scope = Scope(Viewer(caller.identity.user_id, caller.client), self.shared.process)
        return Context(scope, resumed_at=caller.last_event_id)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        settings = self.settings
        assert settings.database_url is not None
        assert settings.redis_url is not None
        timing = Timing(lease=settings.lease)
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(Database(settings.database_url))
            bus = await stack.enter_async_context(RedisBus(settings.redis_url))
            models = await stack.enter_async_context(_models(settings))
            rates = await stack.enter_async_context(Rates(settings.redis_url))
            allowances = Allowances(settings.allowance, rates)
            self.shared.life = await stack.enter_async_context(
                life.running(db, bus, models, timing=timing, allowances=allowances, capacity=settings.model_replies)
            )
            self.shared.process.jobs.start(models.warm(), "warming the models up")
            yield

    async def drain(self) -> None:
        """Gets ready to stop: takes no more work, interrupts runs, and tells every window to come back elsewhere."""
        self.shared.draining = True
        if self.shared.life is not None:
            await self.shared.life.drain()
        await self.endpoint.shutdown()


def _models(settings: Settings) -> Models:
    return Models.open(
        url=settings.model_url,
        provider=settings.model_provider,
        key=None if settings.model_key is None else settings.model_key.get_secret_value(),
        model=settings.model_name,
        silence=settings.model_silence,
    )


def create() -> Transom:
    """The application of this process, by the environment; what uvicorn calls."""
    return Transom(current())


def _explain(error: Exception) -> Explained | None:
    """Refusals by a rule, where a field has no result union for them; and a database that is away for a while."""
    if isinstance(error, refusals.QuotaExceeded):
        return Explained(Code.QUOTA_EXCEEDED, str(error), {"limit": error.limit, "used": error.used})
    for kind, code in _REFUSALS.items():
        if isinstance(error, kind):
            return Explained(code, str(error))
    if transient(error):
        _log.warning("An operation failed because the database did not answer: %s", type(error).__name__)
        return Explained(Code.SERVICE_UNAVAILABLE, "The database does not answer just now. Try again shortly.")
    return None


def _cursor(data: Mapping[str, Any]) -> str | None:
    """The cursor of a subscription's event, if the client asked for it: the `id:` of an event stream."""
    event = next(iter(data.values()), None)
    return event.get("cursor") if isinstance(event, Mapping) else None


async def _sdl(_: Request) -> PlainTextResponse:
    return PlainTextResponse(api.as_str() + "\n", media_type="application/graphql; charset=utf-8")
