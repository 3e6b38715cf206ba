"""A login that may not make roles, and what an administrator has to run for it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import select

import engines
from db import migrate, requirements, roles
from db.database import VIEWER_ROLE, Database
from db.models import Session
from server.settings import Settings
from tests.conftest import empty_database
from tests.databases.conftest import as_login, name_of
from tests.db.ownership import settle
from tests.server.served import run
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Postgres

LOGIN = "app login"


@pytest.fixture(scope="module")
def another() -> Iterator[str]:
    """The administrator's address of an embedded PostgreSQL in which nothing was ever done."""
    folder = Path("/tmp") / f"t-{uuid4().hex}"
    with engines.running(Settings(data_dir=folder, redis_url="redis://none", model_url="scripted:")) as running:
        yield running.database
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
async def another_of_debian() -> AsyncIterator[str]:
    """The same of Debian's."""
    async with Postgres() as postgres:
        yield postgres.url


@pytest.fixture(params=["another", "another_of_debian"])
def server_url(request: pytest.FixtureRequest) -> str:
    """One of them."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def empty(server_url: str) -> AsyncIterator[str]:
    """An empty database of such a server, with a login that may make tables and nothing else."""
    async with empty_database(server_url) as url:
        administrator = await asyncpg.connect(url)
        await administrator.execute(f'CREATE ROLE "{LOGIN}" LOGIN')
        await administrator.execute(f'GRANT CREATE ON SCHEMA public TO "{LOGIN}"')
        yield url
        for role in (LOGIN, VIEWER_ROLE):
            if await administrator.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await administrator.execute(f'REASSIGN OWNED BY "{role}" TO CURRENT_USER')
                await administrator.execute(f'DROP OWNED BY "{role}"')
                await administrator.execute(f'DROP ROLE "{role}"')
        await administrator.close()


@pytest.fixture
async def administrator(empty: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who may do everything."""
    connection = await asyncpg.connect(empty)
    yield connection
    await connection.close()


def statements(version: int) -> str:
    """What the administrator has to run."""
    how = " WITH INHERIT FALSE, SET TRUE" if version >= 16 else ""
    return f'CREATE ROLE transom_viewer NOLOGIN; GRANT transom_viewer TO "app login"{how};'


async def test_it_is_told_the_statements_and_works_after_they_were_run(
    empty: str, administrator: asyncpg.Connection
) -> None:
    url = as_login(empty, LOGIN.replace(" ", "%20"))
    told = statements(administrator.get_server_version().major)
    for command in ("migrate", "serve"):
        assert await run(command, database_url=url, redis_url="redis://none", model_url="scripted:", port=0) == (
            1,
            "",
            f'Error: The role "app login" cannot become {VIEWER_ROLE}, which row security holds for. '
            f"An administrator has to run: {told}\n",
        )
    await administrator.execute(told)
    assert await run("migrate", database_url=url) == (0, "The database is up to date.\n", "")
    async with Database(url) as db:
        mine, theirs = await settle(db), await settle(db)
        for held in (mine, theirs):
            async with db.viewer(held.user) as tx:
                assert (await tx.scalars(select(Session.id))).all() == [held.session]
    await migrate.downgrade(url, "base")


async def test_without_the_grant_it_is_told_of_that_alone(empty: str, administrator: asyncpg.Connection) -> None:
    url = as_login(empty, LOGIN.replace(" ", "%20"))
    await administrator.execute(f"CREATE ROLE {VIEWER_ROLE} NOLOGIN")
    told = statements(administrator.get_server_version().major).partition("; ")[2]
    with pytest.raises(requirements.Unsuitable) as refused:
        await requirements.check(url, connections=1, newest=migrate.newest())
    assert str(refused.value).endswith(f"An administrator has to run: {told}")


async def test_a_grant_that_was_taken_back_is_told_at_the_next_start(
    empty: str, administrator: asyncpg.Connection
) -> None:
    url = as_login(empty, LOGIN.replace(" ", "%20"))
    await administrator.execute(statements(administrator.get_server_version().major))
    await migrate.upgrade(url)
    await requirements.check(url, connections=1, newest=migrate.newest())
    await administrator.execute(f'REVOKE {VIEWER_ROLE} FROM "{LOGIN}"')
    with pytest.raises(requirements.Unsuitable, match="An administrator has to run: GRANT transom_viewer"):
        await requirements.check(url, connections=1, newest=migrate.newest())


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
async def test_viewers_never_stand_above_row_security(
    empty: str, administrator: asyncpg.Connection, attribute: str
) -> None:
    url = as_login(empty, LOGIN.replace(" ", "%20"))
    await administrator.execute(f"CREATE ROLE {VIEWER_ROLE} {attribute}")
    await administrator.execute(f'GRANT {VIEWER_ROLE} TO "{LOGIN}"')
    with pytest.raises(requirements.Unsuitable, match=f"{VIEWER_ROLE} stands above row security"):
        await requirements.check(url, connections=1, newest=migrate.newest())


async def test_viewers_are_not_given_the_login(empty: str, administrator: asyncpg.Connection) -> None:
    url = as_login(empty, LOGIN.replace(" ", "%20"))
    await administrator.execute(f'CREATE ROLE {VIEWER_ROLE}; GRANT "{LOGIN}" TO {VIEWER_ROLE}')
    with pytest.raises(requirements.Unsuitable, match=f'REVOKE "{LOGIN}" FROM {VIEWER_ROLE}'):
        await requirements.check(url, connections=1, newest=migrate.newest())


async def test_a_login_that_may_make_roles_helps_itself(empty: str, administrator: asyncpg.Connection) -> None:
    await administrator.execute(f'ALTER ROLE "{LOGIN}" CREATEROLE')
    url = as_login(empty, LOGIN.replace(" ", "%20"))
    assert await run("migrate", database_url=url) == (0, "The database is up to date.\n", "")


async def test_a_login_without_rights_works_through_a_pooler(empty: str, administrator: asyncpg.Connection) -> None:
    login = "lowly"
    await administrator.execute(f'ALTER ROLE "{LOGIN}" RENAME TO {login}')
    await administrator.execute(
        roles.made(login, int(await administrator.fetchval("SHOW server_version_num")), exists=False)
    )
    async with PgBouncer(empty, size=1, logins=login) as pooler:
        url = pooler.url(name_of(empty), login)
        await requirements.check(url, connections=1000, newest=migrate.newest())
        await migrate.upgrade(url)
        async with Database(url) as db:
            mine, _ = await settle(db), await settle(db)
            async with db.viewer(mine.user) as tx:
                assert (await tx.scalars(select(Session.id))).all() == [mine.session]
    await administrator.execute(f'ALTER ROLE {login} RENAME TO "{LOGIN}"')
