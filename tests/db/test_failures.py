"""A connection that the database ends, in whatever moment, is a failure that passes by itself."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from db import deltas
from db.database import Database, address
from db.failures import transient
from db.reader import Asked
from tests.support.proxy import Proxy

_FIELDS = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
TOLD = b"E" + (len(_FIELDS) + 4).to_bytes(4) + _FIELDS
"""What PostgreSQL says before it closes a connection that is at rest."""

NOBODYS = UUID(int=7)


@pytest.fixture
async def between(tables: str) -> AsyncIterator[Proxy]:
    """Stands between the database and its clients."""
    with tempfile.TemporaryDirectory(prefix="transom-") as folder:
        query = address(tables).query
        name = f".s.PGSQL.{query['port']}"
        async with Proxy(Path(str(query["host"])) / name, at=Path(folder) / name) as proxy:
            yield proxy


async def test_a_connection_that_has_been_told_of_its_end_and_not_seen_it(tables: str, between: Proxy) -> None:
    assert between.at is not None
    url = sa.make_url(tables).update_query_dict({"host": str(between.at.parent)})
    async with Database(url.render_as_string(hide_password=False), connections=1) as db:
        await db.ping()
        between.inject(TOLD)
        await asyncio.sleep(0.1)
        with pytest.raises(sa.exc.DBAPIError) as caught:
            await db.ping()
        assert transient(caught.value)
        await db.ping()
        assert between.accepted == 2


async def test_a_database_that_is_silent_counts_as_lost(tables: str, between: Proxy) -> None:
    """A network that goes away without a word: nobody is told of an end of the connection."""
    assert between.at is not None
    url = sa.make_url(tables).update_query_dict({"host": str(between.at.parent)})
    one = Asked("SELECT 1 AS one", asyncpg.Record)
    async with Database(url.render_as_string(hide_password=False), patience=0.5) as db:
        assert [row["one"] for row in await db.readers.fetch(one)] == [1]
        async with db.driver() as driver:
            await driver.fetch("SELECT 1")
        between.half_open()
        for silent in (db.readers.fetch(one), append(db)):
            with pytest.raises(TimeoutError) as caught:
                await silent
            assert transient(caught.value)
        between.mend()
        assert [row["one"] for row in await db.readers.fetch(one)] == [1]
        assert await append(db) == {NOBODYS}


async def append(db: Database) -> set[UUID]:
    """What the journal asks the database for, for a run that there is not."""
    async with db.driver() as driver:
        return await deltas.append(
            driver, ["nobody"], [deltas.Entry(NOBODYS, 1, 1, 1, b'[["a", 0, 0, "x"]]')], db.patience
        )
