"""PgBouncer in transaction mode: every transaction may be on another connection, which somebody else used before."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

import engines
from chat.conversation import messages
from chat.conversation.sessions import NewSession
from chat.scope import Scope
from db import connectors, migrate, paths
from db.connectors import SETTINGS, Connector
from db.database import VIEWER_ROLE, Database, address
from db.page import Span
from db.reader import Asked, Reader, Readers, Statement
from llm.models import Models
from llm.scripted import ScriptedModel
from tests.conftest import Server, viewer_of
from tests.databases.conftest import name_of
from tests.support.pgbouncer import PgBouncer
from tests.sync.talk import until

SWALLOWED = "default_transaction_read_only,plan_cache_mode,max_parallel_workers_per_gather,role,jit"
"""Settings that a pooler can be told to take without a word, and to drop."""

WHO = Statement.of(
    "SELECT current_user::text AS role, (SELECT array_agg(id) FROM users) AS users, pg_backend_pid() AS pid",
    asyncpg.Record,
)


async def accounts(db: Database, count: int) -> list[UUID]:
    """New accounts without anything."""
    made = [uuid4() for _ in range(count)]
    async with db.system() as tx:
        await tx.execute(
            text("INSERT INTO users (id, subject) SELECT id, id::text FROM unnest(CAST(:ids AS uuid[])) AS id"),
            {"ids": made},
        )
    return made


async def raw(pooled: str) -> asyncpg.Record:
    """What a client of the pooler that says nothing about itself finds on a connection of the server."""
    client = await asyncpg.connect(pooled, statement_cache_size=0)
    found = await client.fetchrow(
        "SELECT current_user::text AS role, current_setting('transom.viewer', true) AS viewer,"
        " current_setting('default_transaction_read_only') AS read_only, pg_backend_pid() AS pid"
    )
    await client.close()
    assert found is not None
    return found


async def test_viewers_who_share_one_connection_see_nothing_of_each_other(pooled: str) -> None:
    async with Database(pooled) as db:
        viewers = await accounts(db, 2)

        async def look(viewer: UUID) -> asyncpg.Record:
            (row,) = await db.reader(viewer).all(WHO)
            return row

        async def change(viewer: UUID) -> list[UUID]:
            async with db.viewer(viewer) as tx:
                await tx.execute(text("UPDATE users SET name = 'Eve'"))
                return list(await tx.scalars(text("SELECT id FROM users WHERE name = 'Eve'")))

        async def count() -> int:
            async with db.system() as tx:
                return int(await tx.scalar(text("SELECT count(*) FROM users")) or 0)

        turns = viewers * 40
        looked, changed, counted, rest = await asyncio.gather(
            asyncio.gather(*map(look, turns)),
            asyncio.gather(*map(change, turns)),
            asyncio.gather(*(count() for _ in turns)),
            asyncio.gather(*(raw(pooled) for _ in range(20))),
        )
        assert [(row["role"], row["users"]) for row in looked] == [(VIEWER_ROLE, [viewer]) for viewer in turns]
        assert changed == [[viewer] for viewer in turns]
        assert counted == [2 for _ in turns]
        assert {row["role"] for row in rest} == {address(pooled).username}
        assert {row["viewer"] or None for row in rest} == {None}
        assert {row["read_only"] for row in rest} == {"off"}
        assert len({row["pid"] for row in (*looked, *rest)}) == 1


async def test_migrating_leaves_no_statement_behind(pooled: str) -> None:
    """Else the next process, which begins with the same names, would find them taken."""
    for _ in range(2):
        await migrate.upgrade(pooled)
    client = await asyncpg.connect(pooled, statement_cache_size=0)
    assert await client.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''") == 0
    await client.close()


async def test_a_read_without_a_viewer_sees_nothing(pooled: str) -> None:
    async with Database(pooled) as db:
        (viewer,) = await accounts(db, 1)
        bare = Asked("SELECT id FROM users", asyncpg.Record)
        assert await db.reader(viewer).of.fetch(bare) == []
        assert await Reader(db.readers, viewer).all(WHO) == [], "a viewer's statement under the server's own role"


async def test_a_reader_cannot_write(pooled: str) -> None:
    async with Database(pooled) as db:
        (viewer,) = await accounts(db, 1)
        for change in ("UPDATE users SET name = 'Eve' WHERE id = $1 RETURNING id", "DELETE FROM users WHERE id = $1"):
            with pytest.raises((asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)):
                await db.reader(viewer).all(Statement(change, asyncpg.Record))
        (row,) = await db.reader(viewer).all(WHO)
        assert row["users"] == [viewer]


async def test_a_reader_that_fails_in_the_middle_leaves_no_role_behind(pooled: str) -> None:
    async with Database(pooled) as db:
        (viewer,) = await accounts(db, 1)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await db.reader(viewer).all(Statement.of("SELECT 1 / 0", asyncpg.Record))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await db.reader(viewer).all(Statement.of("SELECT pg_sleep(60)", asyncpg.Record))
        assert (await raw(pooled))["role"] == address(pooled).username


@pytest.mark.parametrize("ignored", ["", SWALLOWED])
async def test_a_pooler_is_known_even_if_it_swallows_what_it_does_not_keep(
    empty: str, server_url: str, ignored: str
) -> None:
    async with PgBouncer(server_url, size=1, ignore_startup_parameters=ignored) as pooler:
        url = address(pooler.url(name_of(empty)))
        for settings in (SETTINGS, SETTINGS | {"role": VIEWER_ROLE}, {"application_name": "transom"}):
            connection = await Connector(url, settings).connect()
            assert connectors.is_shared(connection)
            await connection.close()
    direct = await Connector(address(empty), SETTINGS).connect()
    assert not connectors.is_shared(direct)
    await direct.close()


async def test_a_pooler_that_swallows_roles_does_not_make_viewers_the_owner(empty: str, server_url: str) -> None:
    async with PgBouncer(server_url, size=1, ignore_startup_parameters=SWALLOWED) as pooler:
        url = pooler.url(name_of(empty))
        await migrate.upgrade(url)
        async with Database(url) as db:
            first, _ = await accounts(db, 2)
            (row,) = await db.reader(first).all(WHO)
            assert (row["role"], row["users"]) == (VIEWER_ROLE, [first])


async def test_a_conversation_over_one_connection(pooled: str, embedded: engines.Urls) -> None:
    """Sent, written by a model, journaled, paged, and nobody else's."""
    model = ScriptedModel()
    async with Database(pooled) as db, Server(db, embedded.redis, Models({"scripted": model})).process() as alive:
        scope, stranger = await viewer_of(alive), await viewer_of(alive)
        sent = await messages.send(scope, NewSession(), "Hello")
        await model.say("It is ")
        await model.say("so.", end=True)

        async def shown(of: Scope) -> list[str] | None:
            path = await paths.page(of.reader, sent.message.session_id, None, Span(10))
            return None if path is None else [row.content for row in path.page.rows]

        async def complete() -> bool:
            return await shown(scope) == ["Hello", "It is so."]

        await until(complete)
        assert await shown(stranger) is None


async def test_readers_and_transactions_come_back_with_the_pooler(pooled: str, pooler: PgBouncer) -> None:
    async with Database(pooled) as db:
        (viewer,) = await accounts(db, 1)
        (row,) = await db.reader(viewer).all(WHO)
        await pooler.kill()
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await db.reader(viewer).all(WHO)
        await pooler.start()
        (row,) = await db.reader(viewer).all(WHO)
        assert row["users"] == [viewer]
        async with db.viewer(viewer) as tx:
            assert list(await tx.scalars(text("SELECT id FROM users"))) == [viewer]
        async with db.driver() as driver:
            assert await driver.fetchval("SELECT 1") == 1


async def test_readers_are_few_where_there_are_few_places(pooled: str) -> None:
    """More clients than connections of the server: they take turns."""
    async with Database(pooled, connections=6) as db:
        (viewer,) = await accounts(db, 1)
        readers = Readers(address(pooled), VIEWER_ROLE, connections=3)
        found = await asyncio.gather(*(Reader(readers, viewer).all(WHO) for _ in range(30)))
        assert [row["users"] for (row,) in found] == [[viewer]] * 30
        await readers.close()
