"""The application: every part put together."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, override

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from chat import runtime
from chat.policy import Allowances
from chat.process import Timing
from chat.scope import Scope, Viewer
from db.database import Database
from llm.catalogs import Catalog
from llm.models import Models
from pubsub.rates import Rates
from pubsub.redis import RedisBus
from resolvers.root import api
from schema.context import Context
from schema.size import SIZES
from server import failures, health, hosts, model_files, pages, schema_texts
from server.authentication import Authentication, Identity
from server.origins import CrossOrigin, Origins
from server.settings import Settings, current
from server.state import State
from sync.tasks import Jobs
from transports import Caller, GraphQLEndpoint

_log = logging.getLogger("transom.stop")

GRAPHQL = "/graphql"
"""The path of the API."""


class Transom(Starlette):
    """The ASGI application of one process. Its engines must run, and the database must be migrated."""

    def __init__(self, settings: Settings, *, beat: float = 10.0) -> None:
        """`beat`: seconds between two signs of life, which windows and feeds are asked for."""
        self.settings = settings
        self._beat = beat
        self.shared = State()
        self._renewing: tuple[Models, Jobs] | None = None
        origins = Origins(settings.origins, loopback=not settings.authenticates)
        self._misdirected = None if settings.authenticates else hosts.Refusal(GRAPHQL)
        self.endpoint = GraphQLEndpoint(
            api,
            authenticate=Authentication(settings, lambda: self.shared.process),
            context=self._context,
            explain=failures.explained,
            admit=origins.admit,
            event_id=_cursor,
            ping_interval=beat,
            sizes=SIZES,
            answer_rows=settings.answer_rows,
            answer_bytes=settings.answer_bytes,
        )
        super().__init__(
            routes=[
                *self.endpoint.routes(GRAPHQL),
                *schema_texts.routes(),
                *health.routes(self.shared),
                *pages.routes(token=settings.authenticates),
            ],
            middleware=[Middleware(CrossOrigin, origins=origins)],
            exception_handlers={404: pages.not_found},
            lifespan=self._lifespan,
        )

    @override
    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """As Starlette. But a socket, which stays long, does not keep the frames of layers that do nothing for it."""
        if self._misdirected is not None and scope["type"] != "lifespan" and not hosts.names_loopback(scope["headers"]):
            await self._misdirected(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == GRAPHQL:
            await self.endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _context(self, caller: Caller[Identity]) -> Context:
        scope = Scope(Viewer(caller.identity.user_id, caller.client), self.shared.process)
        return Context(scope, resumed_at=caller.last_event_id, explain=failures.failed)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        settings = self.settings
        assert settings.database_url is not None
        assert settings.redis_url is not None
        timing = Timing(lease=settings.lease, heartbeat=self._beat)
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(
                Database(settings.database_url, connections=settings.database_connections)
            )
            bus = await stack.enter_async_context(RedisBus(settings.redis_url))
            models = await stack.enter_async_context(models_of(settings))
            self._renewing = models, await stack.enter_async_context(Jobs())
            rates = await stack.enter_async_context(Rates(settings.redis_url))
            allowances = Allowances(settings.allowance, rates)
            self.shared.life = await stack.enter_async_context(
                runtime.running(db, bus, models, timing=timing, allowances=allowances, capacity=settings.model_replies)
            )
            self.shared.process.jobs.start(models.warm(), "warming the models up")
            yield

    def renew_models(self) -> None:
        """Reads the file of the model providers again. What is wrong with it is logged, and the former stay."""
        if self.settings.models_file is None:
            return
        catalog = model_files.renew(self.settings.models_file, silence=self.settings.model_silence)
        if catalog is not None and self._renewing is not None:  # while it starts, it will take what was just read
            models, jobs = self._renewing
            jobs.start(_renew(models, catalog), "renewing the models")

    async def drain(self) -> None:
        """Gets ready to stop: takes no more work, interrupts runs, and tells every window to come back elsewhere."""
        self.shared.draining = True
        writing = 0 if self.shared.life is None else len(self.shared.process.stops)
        _log.info("stopping; replies that end as interrupted: %d", writing)
        self.endpoint.close()
        if self.shared.life is not None:
            await self.shared.life.drain()
        await self.endpoint.shutdown()


async def _renew(models: Models, catalog: Catalog) -> None:
    await models.renew(catalog)
    await models.warm()


def models_of(settings: Settings) -> Models:
    """The models that the settings name; nothing is connected yet.

    Raises:
        WrongFile: they are in a file that cannot be used.
        ModelError, ValueError: they do not fit each other.
    """
    if settings.models_file is not None:
        return Models.of(model_files.current(settings.models_file, silence=settings.model_silence))
    return Models.open(
        url=settings.model_url,
        provider=settings.model_provider,
        key=None if settings.model_key is None else settings.model_key.get_secret_value(),
        model=settings.model_name,
        silence=settings.model_silence,
        window=settings.model_context,
    )


def create() -> Transom:
    """The application of this process, by the environment; what uvicorn calls."""
    return Transom(current())


def _cursor(data: Mapping[str, Any]) -> str | None:
    """The cursor of a subscription's event, if the client asked for it: the `id:` of an event stream."""
    event = next(iter(data.values()), None)
    return event.get("cursor") if isinstance(event, Mapping) else None
