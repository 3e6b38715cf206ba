"""Reading without a transaction: one statement, for one viewer, that leaves nothing behind."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from chat.conversation import messages
from chat.conversation.sessions import NewSession
from chat.scope import Scope
from db import listing, moments, nodes, paths
from db import messages as message_rows
from db import sessions as session_rows
from db.database import VIEWER_ROLE, Database, address
from db.listing import Filter
from db.page import Span
from db.reader import Reader, Readers, Statement

WHO = Statement.of(
    "SELECT current_user::text AS role, current_setting('transom.viewer') AS viewer,"
    " (SELECT count(*)::int FROM users) AS users",
    asyncpg.Record,
)


async def test_a_statement_knows_its_viewer_and_sees_nobody_else(scope: Scope, stranger: Scope) -> None:
    for each in (scope, stranger, scope):
        (row,) = await each.reader.all(WHO)
        assert dict(row) == {"role": VIEWER_ROLE, "viewer": str(each.viewer.id), "users": 1}


async def test_a_connection_forgets_its_viewer_with_the_statement(scope: Scope, tables: str) -> None:
    readers = Readers(address(tables), VIEWER_ROLE, connections=1)
    await Reader(readers, scope.viewer.id).all(WHO)
    (connection,) = readers._idle
    assert await connection.fetchval("SELECT current_setting('transom.viewer')") == ""
    assert await connection.fetchval("SELECT count(*) FROM users") == 0
    await readers.close()


async def test_what_is_read_at_a_glance_is_the_viewers_alone(quiet: Scope, other: Scope) -> None:
    sent = await messages.send(quiet, NewSession(), "Hello")
    session_id, ids = sent.message.session_id, [sent.message.session_id, sent.message.id, sent.run.id]
    mine, theirs = quiet.reader, other.reader

    assert await paths.page(theirs, session_id, None, Span(10)) is None
    assert await session_rows.of_ids(theirs, [session_id]) == {}
    assert (await listing.page(theirs, Span(10), Filter())).page.rows == []
    assert await message_rows.looked_up(theirs, [sent.message.id]) == []
    assert await nodes.kinds(theirs, ids) == {}

    path = await paths.page(mine, session_id, None, Span(10))
    assert path is not None
    assert [row.content for row in path.page.rows] == ["Hello", ""]
    assert list(await session_rows.of_ids(mine, [session_id])) == [session_id]
    assert await nodes.kinds(mine, ids) == dict(zip(ids, ("session", "message", "run"), strict=True))


async def test_a_reader_cannot_write(scope: Scope) -> None:
    for change in ("UPDATE users SET name = 'Eve' RETURNING id", "DELETE FROM users RETURNING id"):
        with pytest.raises((asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)):
            await scope.reader.all(Statement(change.replace("RETURNING", "WHERE id = $1 RETURNING"), asyncpg.Record))


async def test_a_reader_has_the_rows_attributes_exactly(quiet: Scope) -> None:
    at = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)
    sent = await messages.send(quiet, NewSession(metadata={"a": [1]}), "Hello", metadata={"b": 2}, client_created_at=at)
    (row,) = await message_rows.looked_up(quiet.reader, [sent.message.id])
    async with quiet.tx() as tx:
        stored = await message_rows.get(tx, sent.message.id)
        seen = await session_rows.with_membership(tx, sent.message.session_id, quiet.viewer.id)
    assert stored is not None
    assert seen is not None
    for name in (
        "id",
        "session_id",
        "parent_id",
        "branch",
        "depth",
        "role",
        "status",
        "parts",
        "content",
        "meta",
        "error",
        "author_id",
        "run_id",
        "seq",
        "client_created_at",
        "created_at",
        "updated_at",
        "deleted_at",
    ):
        assert getattr(row, name) == getattr(stored, name), name
    found = (await session_rows.of_ids(quiet.reader, [sent.message.session_id]))[sent.message.session_id]
    for name in (
        "id",
        "title",
        "title_source",
        "project_id",
        "agent_id",
        "meta",
        "external_id",
        "message_count",
        "last_message_preview",
        "last_activity_at",
        "version",
        "created_at",
        "updated_at",
        "epoch",
        "head",
    ):
        assert getattr(found, name) == getattr(seen[0], name), name
    assert (found.role, found.archived_at) == (seen[1].role, seen[1].archived_at)


async def end(tables: str, pid: int) -> None:
    """Has PostgreSQL end one of its connections."""
    admin = await asyncpg.connect(tables)
    assert await admin.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    await admin.close()


async def test_a_connection_that_was_lost_unnoticed_is_replaced(tables: str) -> None:
    readers = Readers(address(tables), VIEWER_ROLE, connections=1)
    reader = Reader(readers, uuid4())
    await reader.all(WHO)
    (connection,) = readers._idle
    connection._transport.pause_reading()
    await end(tables, pid := connection.get_server_pid())
    assert not connection.is_closed()
    (row,) = await reader.all(WHO)
    assert (row["viewer"], readers._idle[0].get_server_pid() != pid) == (str(reader.viewer_id), True)
    await readers.close()


async def test_a_transaction_does_not_begin_on_a_connection_that_was_lost(tables: str) -> None:
    async with Database(tables) as db:
        for _ in range(2):
            async with db.system() as tx:
                pid = await tx.scalar(text("SELECT pg_backend_pid()"))
            await end(tables, pid)


async def test_readers_take_turns_on_few_connections(scope: Scope, tables: str) -> None:
    readers = Readers(address(tables), VIEWER_ROLE, connections=2)
    found = await asyncio.gather(*(Reader(readers, scope.viewer.id).all(WHO) for _ in range(20)))
    assert ([row["users"] for (row,) in found], len(readers._idle)) == ([1] * 20, 2)
    await readers.close()


async def test_a_read_that_is_given_up_harms_no_other(scope: Scope, tables: str) -> None:
    readers = Readers(address(tables), VIEWER_ROLE, connections=1)
    reader = Reader(readers, scope.viewer.id)
    slow = Statement.of("SELECT pg_sleep(60)", asyncpg.Record)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.all(slow)
    (row,) = await reader.all(WHO)
    assert row["viewer"] == str(scope.viewer.id)
    await readers.close()


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_times_are_exact_to_the_microsecond(at: datetime) -> None:
    assert moments.at(moments.count(moments.packed(at))) == at


async def test_a_database_that_is_away_is_told_as_such() -> None:
    async with Database("postgresql://nobody@/nothing?host=/nowhere") as db:
        with pytest.raises(OSError, match="No such file"):
            await db.reader(uuid4()).all(WHO)
