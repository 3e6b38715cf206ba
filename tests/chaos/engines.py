"""Engines that nobody looks after: what is stopped stays away until the test starts it again."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.folders import Folder
from engines.postgres import Postgres
from engines.processes import wait
from tests.engines.processes import pids_of
from tests.pubsub.valkey import Valkey


@dataclass
class Database:
    """A PostgreSQL of its own."""

    _engine: Postgres

    @property
    def url(self) -> str:
        """Its address, always the same."""
        return self._engine.url

    @property
    def log(self) -> str:
        """What it has said."""
        return self._engine.process.log.read_text()

    async def start(self) -> None:
        """Starts it, and returns when it takes queries."""

        def start() -> None:
            self._engine.launch()
            assert wait(self._engine.is_ready, patience=30), self._engine.process.last_words()

        await asyncio.to_thread(start)

    async def stop(self) -> None:
        """Stops it at once, as a crash does: every connection breaks off, and the next start has to recover."""
        await asyncio.to_thread(lambda: self._engine.end(gently=False))


@asynccontextmanager
async def postgres() -> AsyncIterator[Database]:
    """A PostgreSQL with an empty database, until the end of the block."""
    place = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    engine = Postgres(Folder.open(place))
    try:
        await asyncio.to_thread(engine.prepare)
        database = Database(engine)
        await database.start()
        yield database
    finally:
        await asyncio.to_thread(engine.end)
        engine.process.close()
        left = pids_of(place)
        shutil.rmtree(place, ignore_errors=bool(left))
        assert left == []


@dataclass
class Engines:
    """What the servers share."""

    database: Database
    valkey: Valkey


@asynccontextmanager
async def running() -> AsyncIterator[Engines]:
    """Both engines."""
    async with postgres() as database, Valkey() as valkey:
        yield Engines(database, valkey)
