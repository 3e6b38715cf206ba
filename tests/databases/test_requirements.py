"""What a database has to be like, and the sentence for each that is not: at the start, and nothing is half done."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

import engines
from db import migrate, requirements
from db.database import Database
from server import preflight
from server.settings import Settings
from tests.conftest import empty_database
from tests.databases.conftest import as_login, name_of
from tests.server.served import run, until
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Postgres, free_port

LOGIN = "somebody"


@pytest.fixture
async def login(server_url: str, empty: str, administrator: asyncpg.Connection) -> AsyncIterator[str]:
    """The address of the database for its owner, who may make roles."""
    if not await administrator.fetchval("SELECT true FROM pg_roles WHERE rolname = 'transom_viewer'"):
        await administrator.execute("CREATE ROLE transom_viewer NOLOGIN")
    await administrator.execute(f"CREATE ROLE {LOGIN} LOGIN CREATEROLE PASSWORD 'right'")
    await administrator.execute(f"ALTER DATABASE {name_of(empty)} OWNER TO {LOGIN}")
    await administrator.execute(f"GRANT transom_viewer TO {LOGIN}")
    yield as_login(empty, LOGIN)
    await administrator.execute(f"ALTER DATABASE {name_of(empty)} OWNER TO CURRENT_USER")
    await administrator.execute(f"REASSIGN OWNED BY {LOGIN} TO CURRENT_USER")
    await administrator.execute(f"DROP OWNED BY {LOGIN}")
    await administrator.execute(f"DROP ROLE {LOGIN}")


async def complaint(url: str, *, connections: int = 34) -> str:
    """What is said against a database."""
    with pytest.raises(requirements.Unsuitable) as refused:
        await requirements.check(url, connections=connections, newest=migrate.newest())
    return str(refused.value)


SAID: list[tuple[str, str]] = [
    (
        "ALTER ROLE somebody SET default_transaction_read_only = on",
        "The database takes no writes, because default_transaction_read_only is on. Turn it off: "
        "ALTER DATABASE {database} SET default_transaction_read_only = off; (or for the role somebody).",
    ),
    (
        "ALTER ROLE somebody SET default_transaction_isolation = 'serializable'",
        "default_transaction_isolation is 'serializable', under which writes that meet would fail. "
        "Run: ALTER ROLE somebody SET default_transaction_isolation = 'read committed';",
    ),
    (
        "ALTER ROLE somebody SET row_security = off",
        "row_security is off, so viewers could read nothing. Run: ALTER ROLE somebody SET row_security = on;",
    ),
    (
        "ALTER ROLE somebody SET search_path = nowhere",
        "No schema of the search_path (nowhere) exists or may be used. "
        "Run: ALTER ROLE somebody SET search_path = public; or make that schema.",
    ),
    (
        "CREATE SCHEMA somebody AUTHORIZATION somebody",
        'The search_path ("$user", public) leads to the schema somebody for the role somebody only, and not while it '
        "serves viewers. Run: ALTER ROLE somebody SET search_path = somebody;",
    ),
    (
        "ALTER DATABASE {database} OWNER TO CURRENT_USER",
        "The role somebody may not make tables in the schema public. An administrator can run: "
        "GRANT CREATE ON SCHEMA public TO somebody;",
    ),
    (
        "ALTER ROLE somebody CONNECTION LIMIT 33",
        "Transom may open 34 connections to PostgreSQL, and the connection limit of the role is 33. Raise that, or "
        "set TRANSOM_DATABASE_CONNECTIONS (for each process) or TRANSOM_WORKERS lower.",
    ),
    (
        "ALTER DATABASE {database} CONNECTION LIMIT 20",
        "Transom may open 34 connections to PostgreSQL, and the connection limit of the database is 20. Raise that, or "
        "set TRANSOM_DATABASE_CONNECTIONS (for each process) or TRANSOM_WORKERS lower.",
    ),
    (
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('a1b2c3d4e5f6');"
        "ALTER TABLE alembic_version OWNER TO somebody",
        "The tables of the schema public belong to another program: its alembic_version is a1b2c3d4e5f6. "
        "Give Transom a database of its own.",
    ),
    (
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0002');"
        "ALTER TABLE alembic_version OWNER TO somebody",
        "The tables of the schema public belong to another program: its alembic_version is 0002. "
        "Give Transom a database of its own.",
    ),
    (
        "CREATE TABLE users (id int); CREATE TABLE messages (id int)",
        "The schema public has tables of another program (messages, users). Give Transom a database of its own.",
    ),
]


@pytest.mark.parametrize(("done", "said"), SAID, ids=[said[:40] for _, said in SAID])
async def test_what_cannot_work_is_said(login: str, administrator: asyncpg.Connection, done: str, said: str) -> None:
    await requirements.check(login, connections=34, newest=migrate.newest())
    await administrator.execute(done.replace("{database}", name_of(login)))
    assert await complaint(login) == said.replace("{database}", name_of(login))


async def test_a_search_path_of_ones_own_will_do(login: str, administrator: asyncpg.Connection) -> None:
    await administrator.execute(f"CREATE SCHEMA chat AUTHORIZATION {LOGIN}")
    await administrator.execute(f"ALTER ROLE {LOGIN} SET search_path = chat, public")
    await requirements.check(login, connections=34, newest=migrate.newest())
    await migrate.upgrade(login)
    await requirements.check(login, connections=34, newest=migrate.newest())
    tables = await administrator.fetch("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'messages'")
    assert [row[0] for row in tables] == ["chat"]


async def test_tables_of_another_role_are_told(login: str, empty: str, administrator: asyncpg.Connection) -> None:
    await migrate.upgrade(empty)
    owner = await administrator.fetchval("SELECT current_user")
    assert await complaint(login) == (
        f"The tables of the schema public belong to the role {owner}. Sign in as that role, or let an administrator "
        f"run: GRANT {owner} TO somebody;"
    )


async def test_a_database_that_is_not_in_utf_8_is_told(empty: str, administrator: asyncpg.Connection) -> None:
    name = f"{name_of(empty)}_latin"
    await administrator.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    said = await complaint(empty.replace(name_of(empty), name))
    await administrator.execute(f"DROP DATABASE {name}")
    assert said == (
        f"The database {name} stores text as LATIN1, and conversations need UTF8. Make one with "
        "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and give its address in TRANSOM_DATABASE_URL."
    )


async def test_zones_and_locales_of_the_login_change_nothing(login: str, administrator: asyncpg.Connection) -> None:
    for setting in ("TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German, DMY'", "IntervalStyle = 'sql_standard'"):
        await administrator.execute(f"ALTER ROLE {LOGIN} SET {setting}")
    await requirements.check(login, connections=34, newest=migrate.newest())
    await migrate.upgrade(login)
    async with Database(login) as db:
        await db.ping()


async def test_wrong_words_at_the_door_are_told(debian: Postgres) -> None:
    async with empty_database(debian.url) as url:
        administrator = await asyncpg.connect(url)
        await administrator.execute("CREATE ROLE ada LOGIN PASSWORD 'right'")
        name, see = name_of(url), "See to the user and the password in TRANSOM_DATABASE_URL."
        for given, said in {
            debian.over_tcp(name, "ada", "wrong"): 'password authentication failed for user "ada". ' + see,
            debian.over_tcp(name, "eve", "right"): 'password authentication failed for user "eve". ' + see,
            debian.over_tcp("nix", "ada", "right"): 'database "nix" does not exist. '
            "Make it (`createdb --owner ada nix`), or see to TRANSOM_DATABASE_URL.",
        }.items():
            assert await complaint(given) == f"The database refuses: {said}"
        assert await complaint(debian.over_tcp(name, "ada", "right") + "?sslmode=require") == (
            f"The database cannot be reached: 127.0.0.1:{debian.port} does not speak TLS. "
            "Take sslmode out of TRANSOM_DATABASE_URL, or turn TLS on there."
        )
        await administrator.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        assert await complaint(debian.over_tcp(name, "ada", "right")) == (
            f'The database refuses: permission denied for database "{name}". '
            f"An administrator can run: GRANT CONNECT ON DATABASE {name} TO ada;"
        )
        await administrator.execute("DROP ROLE ada")
        await administrator.close()


async def test_places_that_nobody_answers_at_are_told() -> None:
    port = free_port()
    for url, said in {
        "postgresql://a@nowhere.invalid/x": "there is no host 'nowhere.invalid'. See to the name in "
        "TRANSOM_DATABASE_URL.",
        f"postgresql://a@127.0.0.1:{port}/x": f"nothing listens on 127.0.0.1:{port}. Start it, or see to "
        "TRANSOM_DATABASE_URL.",
        "postgresql://a@/x?host=/nowhere": "there is no socket for /nowhere (port 5432). Start it, or see to "
        "TRANSOM_DATABASE_URL.",
    }.items():
        assert await complaint(url) == f"The database cannot be reached: {said}"


async def test_something_else_that_listens_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for mode in ("disable", "require"):
            assert (await complaint(f"postgresql://a@127.0.0.1:{port}/x?sslmode={mode}")).startswith(
                f"The database cannot be reached: 127.0.0.1:{port} "
            )


async def test_a_database_that_insists_on_tls_is_told() -> None:
    async with Postgres() as postgres:
        administrator = await asyncpg.connect(postgres.url)
        await administrator.execute("CREATE ROLE ada LOGIN PASSWORD 'right'")
        await administrator.close()
        rules = postgres.folder / "data" / "pg_hba.conf"
        rules.write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        administrator = await asyncpg.connect(postgres.url)
        await administrator.execute("SELECT pg_reload_conf()")
        await administrator.close()
        url = postgres.over_tcp("transom", "ada", "right") + "?sslmode=disable"
        assert (await complaint(url)).endswith(
            "no encryption. Put ?sslmode=require behind TRANSOM_DATABASE_URL, or let it in with pg_hba.conf."
        )


async def test_too_few_connections_for_the_processes_are_told() -> None:
    async with Postgres(max_connections="40") as postgres:
        await requirements.check(postgres.url, connections=34, newest=migrate.newest())
        settings = {"redis_url": "redis://127.0.0.1:1", "model_url": "scripted:", "port": 0}
        code, output, errors = await run("serve", database_url=postgres.url, workers=2, **settings)
        assert (code, output) == (1, "")
        assert errors == (
            "Error: Transom may open 68 connections to PostgreSQL, and max_connections leaves 37. Raise that, or set "
            "TRANSOM_DATABASE_CONNECTIONS (for each process) or TRANSOM_WORKERS lower.\n"
        )


async def test_a_pooler_that_lends_connections_for_a_statement_is_told(embedded: engines.Urls) -> None:
    async with empty_database(embedded.database) as url, PgBouncer(url, mode="statement") as pooler:
        code, output, errors = await run("migrate", database_url=pooler.url(name_of(url)))
        assert (code, output) == (1, "")
        assert errors == (
            "Error: The pooler in TRANSOM_DATABASE_URL lends a connection for a statement, and Transom needs "
            "transactions: set its pool_mode to transaction, or give the address of PostgreSQL itself.\n"
        )


async def test_a_database_that_is_started_late_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def waits() -> bool:
        return "Waiting for the database. The database cannot be reached: nothing listens on" in caplog.text

    async with Postgres() as postgres:
        administrator = await asyncpg.connect(postgres.url)
        await administrator.execute("CREATE ROLE ada SUPERUSER LOGIN PASSWORD 'right'")
        await administrator.close()
        await postgres.stop()
        settings = Settings(database_url=postgres.over_tcp("transom", "ada", "right"))
        checking = asyncio.create_task(preflight.check_database(settings, serving=True))
        await until(waits)
        await postgres.start()
        await checking


async def test_a_database_that_does_not_come_is_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "PATIENCE", 0.0)
    settings = Settings(database_url=f"postgresql://ada@127.0.0.1:{free_port()}/transom")
    with pytest.raises(preflight.Unsuitable, match="nothing listens on"):
        await preflight.check_database(settings, serving=True)
