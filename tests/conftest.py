"""Real engines for every test: PostgreSQL with the migrated tables, and Valkey. Only the model is scripted."""

import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

import engines
from chat import runtime
from chat.library import accounts
from chat.process import Timing
from chat.runtime import Life
from chat.scope import Scope, Viewer
from db import migrate
from db.database import Database
from llm.models import Models
from llm.scripted import ScriptedModel
from pubsub.redis import RedisBus
from server.settings import Settings
from tests.support.postgres import Postgres

QUICK = Timing(lease=30, grace=0.3, heartbeat=0.2, sweep=0.05)
"""Times of a process under test. Its leases outlast every wait: what depends on the end of one sets its own."""


def pytest_configure() -> None:
    """Has what the tests start hear SIGHUP, even where they run under `nohup`."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # a handler of ours is not inherited, and neither is ignoring


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--postgres debian` runs tests on Debian's PostgreSQL in place of the embedded one."""
    parser.addoption("--postgres", choices=["embedded", "debian"], default="embedded")


@pytest.fixture(scope="session")
def embedded() -> Iterator[engines.Urls]:
    """Engines of the test run, shared by all its workers."""
    folder = Path(tempfile.gettempdir()) / f"transom-tests-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    with engines.running(Settings(data_dir=folder, model_url="scripted:")) as running:
        yield running


@pytest.fixture(scope="session")
async def debian() -> AsyncIterator[Postgres]:
    """Debian's PostgreSQL, on a scratch cluster of this worker."""
    async with Postgres() as postgres:
        yield postgres


@pytest.fixture(scope="session")
def urls(request: pytest.FixtureRequest, embedded: engines.Urls) -> engines.Urls:
    """Engines of the test run, with the PostgreSQL that was asked for."""
    if request.config.getoption("--postgres") == "embedded":
        return embedded
    outside: Postgres = request.getfixturevalue("debian")
    return replace(embedded, database=outside.url)


def database_url(server_url: str, name: str) -> str:
    """The address of another database on the same server."""
    return server_url.replace("/transom?", f"/{name}?")


@asynccontextmanager
async def empty_database(server_url: str) -> AsyncIterator[str]:
    """The address of a database of its own, with nothing in it."""
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield database_url(server_url, name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def tables(urls: engines.Urls) -> AsyncIterator[str]:
    """The address of a database with the tables that the migrations make."""
    async with empty_database(urls.database) as url:
        await migrate.upgrade(url)
        yield url


@pytest.fixture
async def db(tables: str) -> AsyncIterator[Database]:
    """A database without any account."""
    connection = await asyncpg.connect(tables)
    await connection.execute("TRUNCATE users, deltas, learned_windows CASCADE")
    agents = await connection.fetchval("SELECT count(*) FROM agents")
    if not agents:  # TRUNCATE took the agent for everybody along
        await connection.execute("INSERT INTO agents (id, name) VALUES (gen_random_uuid(), 'Assistant')")
    await connection.close()
    async with Database(tables) as database:
        yield database


@pytest.fixture
def model() -> ScriptedModel:
    """What all runs of a test are written by."""
    return ScriptedModel()


@dataclass
class Server:
    """Starts processes that share the engines, as several servers do."""

    db: Database
    redis: str
    models: Models

    @asynccontextmanager
    async def process(self, *, produces: bool = True, timing: Timing = QUICK) -> AsyncIterator[Life]:
        """One more process."""
        async with (
            RedisBus(self.redis, namespace=f"test-{id(self.db)}") as bus,
            runtime.running(self.db, bus, self.models, timing=timing, produces=produces) as started,
        ):
            yield started


@pytest.fixture
def server(db: Database, urls: engines.Urls, model: ScriptedModel) -> Server:
    """For tests with several processes."""
    return Server(db, urls.redis, Models({"scripted": model}))


@pytest.fixture
async def alive(server: Server) -> AsyncIterator[Life]:
    """A process at work."""
    async with server.process() as started:
        yield started


async def viewer_of(started: Life, subject: str | None = None) -> Scope:
    """A new viewer at a process."""
    user = await accounts.identify(started.process, subject or uuid4().hex)
    return Scope(Viewer(user.id), started.process)


@pytest.fixture
async def scope(alive: Life) -> Scope:
    """A viewer."""
    return await viewer_of(alive)


@pytest.fixture
async def stranger(alive: Life) -> Scope:
    """Another viewer, who shares nothing with the first."""
    return await viewer_of(alive)
