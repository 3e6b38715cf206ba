"""Migrations: from nothing to this version's tables and back, whoever starts it and however often."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

import engines
from chat.library.ordering import between
from db import migrate
from db.database import VIEWER_ROLE, Database, address
from db.models import Row, Session
from tests.conftest import empty_database
from tests.db import catalog
from tests.db.ownership import settle

MIGRATIONS = Path(migrate.__file__).parent / "migrations"
REVISIONS = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
"""The newest first."""


@pytest.fixture
async def empty(urls: engines.Urls) -> AsyncIterator[str]:
    """The address of a database with nothing in it."""
    async with empty_database(urls.database) as url:
        yield url


async def run(url: str, work: Any) -> Any:
    """What `work` returns for a connection."""
    engine = create_async_engine(address(url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def test_an_empty_database_gets_everything(empty: str) -> None:
    """1-38a, 1-39."""
    assert await run(empty, migrate.current) is None
    await migrate.upgrade(empty)
    assert await run(empty, migrate.current) == migrate.newest() == REVISIONS[0]


async def test_the_tables_are_those_of_the_models(tables: str) -> None:
    def drift(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": Row.metadata}
        )
        return list(compare_metadata(context, Row.metadata))

    assert await run(tables, drift) == []


async def test_the_tables_are_those_of_the_models_to_the_letter(tables: str, empty: str) -> None:
    """CHECK constraints, the conditions of partial indexes and what a deletion does are compared here too."""
    migrated, made = await asyncpg.connect(tables), await asyncpg.connect(empty)
    for name in ("transom_folded", "transom_alphabetic"):
        await made.execute(await migrated.fetchval("SELECT pg_get_functiondef($1::text::regproc)", name))
    await migrated.close()
    await made.close()
    await run(empty, Row.metadata.create_all)
    assert await catalog.tables(tables) == await catalog.tables(empty)


async def test_an_upgrade_of_an_up_to_date_database_changes_nothing(empty: str) -> None:
    await migrate.upgrade(empty)
    connection = await asyncpg.connect(empty)
    rows = "SELECT xmin::text, ctid::text, version_num FROM alembic_version"
    before = (await connection.fetch(rows), await catalog.everything(empty))
    await migrate.upgrade(empty)
    assert (await connection.fetch(rows), await catalog.everything(empty)) == before
    await connection.close()


async def test_a_downgrade_to_the_base_leaves_nothing_behind(empty: str) -> None:
    before = await catalog.everything(empty)
    await migrate.upgrade(empty)
    whole = await catalog.everything(empty)
    async with Database(empty) as db:
        await settle(db)
    await migrate.downgrade(empty, "base")
    assert await run(empty, migrate.current) is None
    assert await catalog.everything(empty) == before
    assert all(not found for name, found in before.items() if name != "grants on the schema")
    await migrate.upgrade(empty)
    assert await catalog.everything(empty) == whole


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_revision_can_be_gone_back_to(empty: str, revision: str) -> None:
    """2-72."""
    await migrate.upgrade(empty)
    whole = await catalog.everything(empty)
    await migrate.downgrade(empty, revision)
    assert await run(empty, migrate.current) == revision
    await migrate.upgrade(empty)
    assert await catalog.everything(empty) == whole


async def test_folders_keep_their_order_when_places_become_text_and_back(empty: str) -> None:
    await migrate.upgrade(empty)
    await migrate.downgrade(empty, "0015")
    connection = await asyncpg.connect(empty)
    owner = await connection.fetchval("INSERT INTO users (id, subject) VALUES (gen_random_uuid(), 'ada') RETURNING id")
    for number in range(40):
        await connection.execute(
            "INSERT INTO folders (id, owner_id, name, position) VALUES (gen_random_uuid(), $1, $2, $3)",
            *(owner, f"{number:02}", (number - 7) / 4),
        )
    listed = "SELECT name, updated_at, seq, version FROM folders ORDER BY position"
    before = await connection.fetch(listed)
    await migrate.upgrade(empty)
    assert await connection.fetch(listed) == before
    places = [place for (place,) in await connection.fetch("SELECT position FROM folders ORDER BY position")]
    assert places == sorted(set(places))
    assert between("", places[0]) < places[0]
    assert places[-1] < between(places[-1], None)
    await migrate.downgrade(empty, "0015")
    assert await connection.fetch(listed) == before
    await connection.close()


async def test_runs_forget_agents_that_no_member_of_their_session_may_see(empty: str) -> None:
    await migrate.upgrade(empty)
    async with Database(empty) as db:
        mine, theirs = await settle(db), await settle(db)
    await migrate.downgrade(empty, "0017")
    connection = await asyncpg.connect(empty)
    shared = await connection.fetchval("SELECT id FROM agents WHERE owner_id IS NULL")
    runs = {name: uuid4() for name in ("own", "shared", "strange")}
    for name, agent in (("own", mine.agent), ("shared", shared), ("strange", theirs.agent)):
        await connection.execute(
            "INSERT INTO runs (id, session_id, message_id, agent_id, status, executor, position)"
            " VALUES ($1, $2, $3, $4, 'cancelled', 'app', 1)",
            *(runs[name], mine.session, mine.message, agent),
        )
    others = "SELECT id, updated_at, seq FROM runs ORDER BY id"
    before = await connection.fetch(others)
    await migrate.upgrade(empty)
    found = {row["id"]: row["agent_id"] for row in await connection.fetch("SELECT id, agent_id FROM runs")}
    assert (found[runs["own"]], found[runs["shared"]], found[runs["strange"]]) == (mine.agent, shared, None)
    assert await connection.fetch(others) == before
    await connection.close()


async def test_names_and_tags_are_composed_without_a_trace_and_titles_put_in_order(empty: str) -> None:
    await migrate.upgrade(empty)
    await migrate.downgrade(empty, "0017")
    connection = await asyncpg.connect(empty)
    user = await connection.fetchval("INSERT INTO users (id, subject) VALUES (gen_random_uuid(), 'ada') RETURNING id")
    for title in ("Zebra", "O\u0308l", None, "Orange"):
        session = await connection.fetchval(
            "INSERT INTO sessions (id, owner_id, title) VALUES (gen_random_uuid(), $1, $2) RETURNING id", user, title
        )
    tags = ["b", "e\u0301lan", "a", "élan", "b c"]
    await connection.execute(
        "INSERT INTO memberships (session_id, user_id, role, tags) VALUES ($1, $2, 'owner', $3)", session, user, tags
    )
    traces = "SELECT id, updated_at, version, head FROM sessions ORDER BY id"
    before = await connection.fetch(traces)
    await migrate.upgrade(empty)
    assert await connection.fetch(traces) == before
    titles = await connection.fetch("SELECT title FROM sessions ORDER BY alphabetic")
    assert [title for (title,) in titles] == [None, "Öl", "Orange", "Zebra"]
    assert await connection.fetchval("SELECT tags FROM memberships") == ["b", "élan", "a", "b c"]
    await connection.close()


async def test_what_was_unread_stays_so_unless_it_was_deleted(empty: str) -> None:
    """Each session has a message of nobody's at its number 2, read or not, deleted or not."""
    await migrate.upgrade(empty)
    await migrate.downgrade(empty, "0017")
    connection = await asyncpg.connect(empty)
    user = await connection.fetchval("INSERT INTO users (id, subject) VALUES (gen_random_uuid(), 'me') RETURNING id")
    for title, read, gone in (("new", 1, False), ("read", 3, False), ("deleted", 1, True)):
        session = await connection.fetchval(
            "INSERT INTO sessions (id, owner_id, title, head) VALUES (gen_random_uuid(), $1, $2, 3) RETURNING id",
            user,
            title,
        )
        await connection.execute(
            "INSERT INTO memberships (session_id, user_id, role, read_seq, news_seq) VALUES ($1, $2, 'owner', $3, 3)",
            session,
            user,
            read,
        )
        await connection.execute(
            """INSERT INTO messages (id, session_id, branch, depth, role, status, seq, deleted_at)
                VALUES (gen_random_uuid(), $1, 0, 0, 'assistant', 'complete', 2, CASE WHEN $2 THEN now() END)""",
            session,
            gone,
        )
    await migrate.upgrade(empty)
    unread = await connection.fetch(
        "SELECT title FROM sessions JOIN memberships m ON m.session_id = sessions.id WHERE m.news_seq > m.read_seq"
    )
    assert [title for (title,) in unread] == ["new"]
    said = "SELECT title, news_seq FROM messages JOIN sessions ON sessions.id = session_id WHERE depth = 0"
    assert dict(await connection.fetch(said)) == {"new": 2, "read": None, "deleted": None}
    await connection.close()


async def upgrade_together(*addresses: str) -> None:
    """Starts a process for each address, all at once, and waits for their success."""
    program = "import asyncio, sys; from db import migrate; asyncio.run(migrate.upgrade(sys.argv[1]))"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, stderr=asyncio.subprocess.PIPE)
        for url in addresses
    ]
    for process in processes:
        _, errors = await process.communicate()
        assert (process.returncode, errors.decode()) == (0, "")


async def test_processes_that_start_together_migrate_once(empty: str) -> None:
    await upgrade_together(empty, empty, empty)
    connection = await asyncpg.connect(empty)
    assert await connection.fetch("SELECT version_num FROM alembic_version") == [(migrate.newest(),)]
    assert await connection.fetchval("SELECT count(*) FROM agents") == 1
    await connection.close()


async def test_databases_of_one_server_can_be_made_together(urls: engines.Urls) -> None:
    """The role that serves viewers belongs to the whole server."""
    async with empty_database(urls.database) as first, empty_database(urls.database) as second:
        await upgrade_together(first, second)
        assert await catalog.everything(first) == await catalog.everything(second)


async def test_a_database_of_a_later_version_is_refused_and_left_alone(empty: str) -> None:
    await migrate.upgrade(empty)
    connection = await asyncpg.connect(empty)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = await catalog.everything(empty)
    with pytest.raises(migrate.NewerDatabase) as refused:
        await migrate.upgrade(empty)
    assert str(refused.value) == (
        "The database is at revision 9999, which this version of Transom does not know. "
        "It was made by a later version: install that, undo its migrations with it (docs/guide/deploy.md), "
        "or restore a backup from before."
    )
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "9999"
    assert await catalog.everything(empty) == before
    await connection.close()


@pytest.fixture
async def owned(empty: str) -> AsyncIterator[str]:
    """The address of an empty database that belongs to an ordinary login, not to a superuser."""
    login = f"owner_{uuid4().hex}"
    database = urlsplit(empty).path.removeprefix("/")
    connection = await asyncpg.connect(empty)
    await connection.execute(f"CREATE ROLE {login} LOGIN CREATEROLE")
    await connection.execute(f"ALTER DATABASE {database} OWNER TO {login}")
    parts = urlsplit(empty)
    yield urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))
    await connection.execute(f"ALTER DATABASE {database} OWNER TO CURRENT_USER")
    await connection.execute(f"REASSIGN OWNED BY {login} TO CURRENT_USER")
    await connection.execute(f"DROP OWNED BY {login}")
    await connection.execute(f"DROP ROLE {login}")
    await connection.close()


async def test_an_ordinary_owner_can_migrate_a_database(tables: str, owned: str) -> None:
    """On a shared server another database has made the role of viewers: then an administrator has to grant it."""
    administrator = await asyncpg.connect(tables)
    if administrator.get_server_version().major >= 16:  # before, whoever may make roles may grant them
        with pytest.raises(ProgrammingError, match=f'permission denied to grant role "{VIEWER_ROLE}"'):
            await migrate.upgrade(owned)
        await administrator.execute(f"GRANT {VIEWER_ROLE} TO {urlsplit(owned).username}")
    await administrator.close()
    await migrate.upgrade(owned)
    async with Database(owned) as db:
        held = await settle(db)
        async with db.viewer(held.user) as tx:
            assert (await tx.scalars(select(Session.id))).all() == [held.session]
    await migrate.downgrade(owned, "base")
