"""Databases that people have: PostgreSQL of two versions, with and without a pooler before it."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

import engines
from db import migrate
from tests.conftest import empty_database
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Postgres


@pytest.fixture(params=["embedded", "debian"])
def server_url(request: pytest.FixtureRequest, embedded: engines.Urls) -> str:
    """The administrator's address of a PostgreSQL."""
    if request.param == "embedded":
        return embedded.database
    postgres: Postgres = request.getfixturevalue("debian")
    return postgres.url


@pytest.fixture
async def empty(server_url: str) -> AsyncIterator[str]:
    """The address of a database with nothing in it."""
    async with empty_database(server_url) as url:
        yield url


@pytest.fixture
async def administrator(empty: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who may do everything in it, and takes the viewers' role away at the end."""
    connection = await asyncpg.connect(empty)
    yield connection
    await connection.close()


@pytest.fixture
async def pooler(server_url: str) -> AsyncIterator[PgBouncer]:
    """PgBouncer before that PostgreSQL, with one connection for all clients of a database."""
    async with PgBouncer(server_url, size=1) as pooler:
        yield pooler


@pytest.fixture
async def pooled(empty: str, pooler: PgBouncer) -> str:
    """The address of a migrated database through the pooler, over which it was migrated."""
    url = pooler.url(name_of(empty))
    await migrate.upgrade(url)
    return url


def name_of(url: str) -> str:
    """The name of the database at an address."""
    return urlsplit(url).path.removeprefix("/")


def as_login(url: str, login: str) -> str:
    """The same address for somebody else."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))
