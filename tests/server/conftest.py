"""Servers for the tests of a module, on a database of their own and the shared engines."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import engines
from tests.conftest import empty_database
from tests.engines.processes import pids_of
from tests.graphql.conftest import NPM
from tests.server.callers import Caller
from tests.server.served import Served, serving

type Start = Callable[..., AbstractAsyncContextManager[Served]]

MODEL = "scripted:?text=It%20is%20so."
"""A model that answers at once, always the same."""


@pytest.fixture(scope="module")
async def database(urls: engines.Urls) -> AsyncIterator[str]:
    """A database of the module's own, with nothing in it: servers migrate it."""
    async with empty_database(urls.database) as url:
        yield url


@pytest.fixture(scope="module")
def start(urls: engines.Urls, database: str, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a server on the module's database: `async with start(lease=2) as served`."""
    logs = tmp_path_factory.mktemp("logs")
    numbers = count()

    def starting(*options: str, **settings: Any) -> AbstractAsyncContextManager[Served]:
        engines_of_the_module: dict[str, Any] = {"database_url": database, "redis_url": urls.redis}
        if "models_file" not in settings:
            engines_of_the_module["model_url"] = MODEL
        return serving(logs / f"{next(numbers)}.log", *options, **engines_of_the_module | settings)

    return starting


@pytest.fixture(scope="module")
async def served(start: Start) -> AsyncIterator[Served]:
    """A server for the module, of one local user, whose model answers at once."""
    async with start() as served:
        yield served


@pytest.fixture(scope="module")
async def caller(served: Served) -> AsyncIterator[Caller]:
    """The local user at the module's server."""
    async with Caller.at(served.graphql) as caller:
        yield caller


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path, which no engine may outlive."""
    place = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield place
    left = pids_of(place)
    shutil.rmtree(place, ignore_errors=bool(left))
    assert left == []


@pytest.fixture(scope="session")
async def npm() -> Path:
    """The folder of the npm clients, installed from the lock file if need be."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    if not (NPM / "node_modules").exists():
        install = await asyncio.create_subprocess_exec("npm", "ci", "--no-audit", "--no-fund", cwd=NPM)
        assert await install.wait() == 0
    return NPM
