"""Row security: what SQL alone can see and change on a viewer's behalf, whatever the rules above it would say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import Uuid, text

from db.database import VIEWER_ROLE, Database
from db.models import MemberRole, Row
from tests.db.ownership import Holdings, join, settle


@dataclass(frozen=True)
class Case:
    """How a table is written to. Where `change` or `make` is None, no viewer may do it at all."""

    change: str | None
    make: str | None


CASES = {
    "users": Case("name = 'Eve'", None),
    "agents": Case(
        "name = 'Eve'", "INSERT INTO agents (id, owner_id, name) VALUES (gen_random_uuid(), '{0.user}', 'Eve')"
    ),
    "projects": Case(
        "name = 'Eve'", "INSERT INTO projects (id, owner_id, name) VALUES (gen_random_uuid(), '{0.user}', 'Eve')"
    ),
    "folders": Case(
        "name = 'Eve'",
        "INSERT INTO folders (id, owner_id, name, position) VALUES (gen_random_uuid(), '{0.user}', 'Eve', '8')",
    ),
    "templates": Case(
        "name = 'Eve'", "INSERT INTO templates (id, owner_id, name) VALUES (gen_random_uuid(), '{0.user}', 'Eve')"
    ),
    "sessions": Case("title = 'Eve'", "INSERT INTO sessions (id, owner_id) VALUES (gen_random_uuid(), '{0.user}')"),
    "memberships": Case(
        "archived_at = now()",
        "DELETE FROM memberships WHERE session_id = '{0.session}'; SET LOCAL ROLE {1};"
        "INSERT INTO memberships (session_id, user_id, role) VALUES ('{0.session}', '{0.user}', 'owner')",
    ),
    "branches": Case(
        None, "INSERT INTO branches (session_id, number, lineage, starts) VALUES ('{0.session}', 1, '{{1}}', '{{0}}')"
    ),
    "messages": Case(
        "content = 'Eve'",
        "INSERT INTO messages (id, session_id, branch, depth, role, status)"
        " VALUES (gen_random_uuid(), '{0.session}', 0, 1, 'user', 'complete')",
    ),
    "revisions": Case(
        None, "INSERT INTO revisions (message_id, version, parts, content) VALUES ('{0.message}', 2, '[]', 'Eve')"
    ),
    "runs": Case(
        "model = 'eve'",
        "INSERT INTO runs (id, session_id, message_id, status, executor, position)"
        " VALUES (gen_random_uuid(), '{0.session}', '{0.message}', 'queued', 'server', 2)",
    ),
    "deltas": Case(None, None),
    "sizes": Case(None, None),
    "receipts": Case(
        "made = '{}'", "INSERT INTO receipts (user_id, key, digest) VALUES ('{0.user}', 'twice', 'what was asked for')"
    ),
}

TABLES = sorted(CASES)
THE_SERVERS = ["learned_windows"]
"""Tables of the server itself: no viewer sees anything of them."""


@pytest.fixture
async def mine(db: Database) -> Holdings:
    """What the viewer has."""
    return await settle(db)


@pytest.fixture
async def theirs(db: Database) -> Holdings:
    """What somebody else has."""
    return await settle(db)


@pytest.fixture
async def connection(tables: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with all rights, as the server has."""
    connected = await asyncpg.connect(tables)
    yield connected
    await connected.close()


@asynccontextmanager
async def acting(connection: asyncpg.Connection, viewer: UUID | None) -> AsyncIterator[None]:
    """A transaction under a viewer's identity, undone at its end."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"SET LOCAL ROLE {VIEWER_ROLE}")
    await connection.execute("SELECT set_config('transom.viewer', $1, true)", "" if viewer is None else str(viewer))
    try:
        yield
    finally:
        await transaction.rollback()


async def visible(connection: asyncpg.Connection, table: str) -> set[tuple[object, ...]]:
    """The primary keys of the rows that are to be seen, without the agent for everybody."""
    columns = ", ".join(column.name for column in Row.metadata.tables[table].primary_key)
    where = "WHERE owner_id IS NOT NULL" if table == "agents" else ""
    return {tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM {table} {where}")}


def key_condition(table: str, held: Holdings) -> str:
    """The condition that picks the account's row."""
    columns = [column.name for column in Row.metadata.tables[table].primary_key]
    return " AND ".join(f"{name} = '{value}'" for name, value in zip(columns, held.keys[table], strict=True))


async def make(connection: asyncpg.Connection, table: str, held: Holdings) -> None:
    """Inserts one more row in this account's name."""
    statement = CASES[table].make
    assert statement is not None
    if table == "memberships":  # each member has one row for a session: the one there is has to go first
        await connection.execute("RESET ROLE")
    await connection.execute(statement.format(held, VIEWER_ROLE))


def test_every_table_has_a_case() -> None:
    assert {*CASES, *THE_SERVERS} == set(Row.metadata.tables)


def test_every_table_has_a_row_of_each_account(mine: Holdings) -> None:
    assert {*mine.keys, *THE_SERVERS} == set(Row.metadata.tables)


async def test_every_table_has_row_security(connection: asyncpg.Connection) -> None:
    """1-2, 1-39, 1-52."""
    found = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    assert {row["relname"] for row in found} == set(Row.metadata.tables)


async def test_nothing_is_granted_to_everybody(connection: asyncpg.Connection) -> None:
    """1-52."""
    granted = await connection.fetch("""
        SELECT relname, privilege_type FROM pg_class, aclexplode(relacl)
        WHERE relnamespace = 'public'::regnamespace AND grantee = 0
    """)
    columns = await connection.fetch("""
        SELECT attname FROM pg_attribute, aclexplode(attacl)
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) AND grantee = 0
    """)
    above_policies = await connection.fetch("""
        SELECT proname FROM pg_proc, aclexplode(COALESCE(proacl, acldefault('f', proowner)))
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND grantee = 0
    """)
    assert (granted, columns, above_policies) == ([], [], [])


async def test_the_role_of_viewers_has_no_login_and_no_powers(connection: asyncpg.Connection) -> None:
    role = await connection.fetchrow(
        "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = $1",
        VIEWER_ROLE,
    )
    assert tuple(role) == (False, False, False, False, False)


@pytest.mark.parametrize("table", TABLES)
async def test_a_viewer_sees_exactly_their_own_rows(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings, table: str
) -> None:
    """1-23, 1-53, 1-54, 3-35."""
    async with acting(connection, mine.user):
        assert await visible(connection, table) == {mine.keys[table]}
    async with acting(connection, theirs.user):
        assert await visible(connection, table) == {theirs.keys[table]}


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_viewer_nothing_is_to_be_seen(
    connection: asyncpg.Connection, mine: Holdings, table: str
) -> None:
    async with acting(connection, None):
        assert await visible(connection, table) == set()
    async with acting(connection, uuid4()):
        assert await visible(connection, table) == set()


@pytest.mark.parametrize("table", [table for table in TABLES if CASES[table].change])
async def test_a_viewer_changes_their_own_rows_and_no_others(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings, table: str
) -> None:
    change = CASES[table].change
    async with acting(connection, mine.user):
        assert await connection.execute(f"UPDATE {table} SET {change} WHERE {key_condition(table, theirs)}") == (
            "UPDATE 0"
        )
        assert await connection.execute(f"UPDATE {table} SET {change}") == "UPDATE 1"
        await connection.execute("RESET ROLE")
        assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {key_condition(table, theirs)}") == 1


@pytest.mark.parametrize("table", [table for table in TABLES if CASES[table].change is None])
async def test_what_is_never_changed_cannot_be(connection: asyncpg.Connection, mine: Holdings, table: str) -> None:
    for column in Row.metadata.tables[table].columns:
        async with acting(connection, mine.user):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"UPDATE {table} SET {column.name} = {column.name}")


@pytest.mark.parametrize("table", [table for table in TABLES if CASES[table].make])
async def test_a_viewer_makes_rows_in_their_own_name_only(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings, table: str
) -> None:
    """1-55, 2-50."""
    async with acting(connection, mine.user):
        await make(connection, table, mine)
    async with acting(connection, mine.user):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await make(connection, table, theirs)


@pytest.mark.parametrize("table", [table for table in TABLES if CASES[table].make is None])
async def test_what_the_server_alone_makes_no_viewer_can(
    connection: asyncpg.Connection, mine: Holdings, table: str
) -> None:
    async with acting(connection, mine.user):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"INSERT INTO {table} SELECT * FROM {table}")


@pytest.mark.parametrize("table", THE_SERVERS)
async def test_what_is_the_servers_own_no_viewer_sees_makes_or_changes(
    connection: asyncpg.Connection, mine: Holdings, table: str
) -> None:
    columns = [column.name for column in Row.metadata.tables[table].columns]
    for statement in (
        f"SELECT FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table}",
        f"UPDATE {table} SET {columns[0]} = {columns[0]}",
        f"DELETE FROM {table}",
    ):
        async with acting(connection, mine.user):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


@pytest.mark.parametrize("table", TABLES)
async def test_no_viewer_removes_rows(connection: asyncpg.Connection, mine: Holdings, table: str) -> None:
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        async with acting(connection, mine.user):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *((table, "owner_id") for table in ("agents", "projects", "folders", "templates")),
        ("messages", "session_id"),
    ],
)
async def test_a_row_cannot_be_given_to_somebody_else(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings, table: str, column: str
) -> None:
    other = theirs.session if column == "session_id" else theirs.user
    async with acting(connection, mine.user):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"UPDATE {table} SET {column} = '{other}'")


async def test_the_agent_for_everybody_is_seen_by_all_and_changed_by_none(
    connection: asyncpg.Connection, mine: Holdings
) -> None:
    async with acting(connection, mine.user):
        assert await connection.fetchval("SELECT count(*) FROM agents WHERE owner_id IS NULL") == 1
        assert await connection.execute("UPDATE agents SET name = 'Eve' WHERE owner_id IS NULL") == "UPDATE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO agents (id, name) VALUES (gen_random_uuid(), 'Eve')")


SHARED = ["sessions", "branches", "messages", "revisions", "runs", "deltas"]


@pytest.mark.parametrize("role", [MemberRole.READER, MemberRole.WRITER])
@pytest.mark.parametrize("table", SHARED)
async def test_a_member_sees_the_session_and_all_in_it(
    connection: asyncpg.Connection, db: Database, theirs: Holdings, table: str, role: MemberRole
) -> None:
    member = await join(db, theirs, role)
    async with acting(connection, member):
        assert await visible(connection, table) == {theirs.keys[table]}


@pytest.mark.parametrize("table", sorted(set(TABLES) - set(SHARED)))
async def test_a_member_sees_nothing_else_of_the_others(
    connection: asyncpg.Connection, db: Database, theirs: Holdings, table: str
) -> None:
    member = await join(db, theirs, MemberRole.WRITER)
    own = {"users": {(member,)}, "memberships": {(theirs.session, member)}}.get(table, set())
    async with acting(connection, member):
        assert await visible(connection, table) == own


@pytest.mark.parametrize("table", ["sessions", "messages", "runs"])
async def test_a_reader_changes_nothing_in_a_session_and_a_writer_may(
    connection: asyncpg.Connection, db: Database, theirs: Holdings, table: str
) -> None:
    statement = f"UPDATE {table} SET {CASES[table].change}"
    async with acting(connection, await join(db, theirs, MemberRole.READER)):
        assert await connection.execute(statement) == "UPDATE 0"
    async with acting(connection, await join(db, theirs, MemberRole.WRITER)):
        assert await connection.execute(statement) == "UPDATE 1"


@pytest.mark.parametrize("table", ["branches", "messages", "revisions", "runs"])
async def test_a_reader_adds_nothing_to_a_session_and_a_writer_may(
    connection: asyncpg.Connection, db: Database, theirs: Holdings, table: str
) -> None:
    async with acting(connection, await join(db, theirs, MemberRole.READER)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await make(connection, table, theirs)
    async with acting(connection, await join(db, theirs, MemberRole.WRITER)):
        await make(connection, table, theirs)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE memberships SET role = 'owner'",
        "UPDATE memberships SET user_id = '{other}'",
        "UPDATE memberships SET session_id = '{other}'",
        "INSERT INTO memberships (session_id, user_id, role) VALUES ('{session}', '{member}', 'owner')"
        " ON CONFLICT (session_id, user_id) DO UPDATE SET role = 'owner'",
        "INSERT INTO memberships (session_id, user_id, role) VALUES ('{session}', '{other}', 'owner')",
        "UPDATE sessions SET owner_id = '{member}'",
        "UPDATE sessions SET id = '{other}'",
    ],
)
async def test_no_member_can_promote_themselves(
    connection: asyncpg.Connection, db: Database, theirs: Holdings, statement: str
) -> None:
    member = await join(db, theirs, MemberRole.WRITER)
    async with acting(connection, member):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement.format(other=uuid4(), session=theirs.session, member=member))


async def test_nobody_joins_the_session_of_another_by_themselves(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings
) -> None:
    for role in MemberRole:
        async with acting(connection, mine.user):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(
                    "INSERT INTO memberships (session_id, user_id, role) VALUES ($1, $2, $3)",
                    theirs.session,
                    mine.user,
                    role.value,
                )


TOUCH = "SELECT member, head FROM transom_touch_members($1, now(), NULL, NULL)"


async def test_touching_the_members_of_a_session_does_nothing_for_somebody_else(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings
) -> None:
    async with acting(connection, mine.user):
        before = await connection.fetchrow("SELECT now() AS now")
        assert before is not None
        assert await connection.fetch(TOUCH, theirs.session) == []
        await connection.execute("RESET ROLE")
        assert await connection.fetch("SELECT head FROM users WHERE head > 0") == []
        seqs = await connection.fetch("SELECT seq FROM memberships WHERE last_activity_at >= $1", before["now"])
        assert seqs == []


async def test_touching_the_members_of_a_session_tells_each_of_them(
    connection: asyncpg.Connection, db: Database, mine: Holdings, theirs: Holdings
) -> None:
    other = await join(db, mine, MemberRole.READER)
    async with acting(connection, mine.user):
        found = {(row["member"], row["head"]) for row in await connection.fetch(TOUCH, mine.session)}
        assert found == {(mine.user, 1), (other, 1)}
        await connection.execute("RESET ROLE")
        heads = await connection.fetch("SELECT id, head FROM users")
        assert {row["id"]: row["head"] for row in heads} == {mine.user: 1, other: 1, theirs.user: 0}


NEWS = "SELECT user_id, news_seq FROM memberships WHERE session_id = $1"


async def test_what_is_news_is_found_out_for_all_members_by_one_of_them_and_by_nobody_else(
    connection: asyncpg.Connection, db: Database, mine: Holdings, theirs: Holdings
) -> None:
    other = await join(db, mine, MemberRole.READER)
    await connection.execute("UPDATE messages SET news_seq = 5, seq = 5 WHERE session_id = $1", mine.session)
    async with acting(connection, theirs.user):
        await connection.execute("SELECT transom_renew_news($1)", mine.session)
        await connection.execute("RESET ROLE")
        assert {row["news_seq"] for row in await connection.fetch(NEWS, mine.session)} == {0}
    async with acting(connection, mine.user):
        await connection.execute("SELECT transom_renew_news($1)", mine.session)
        await connection.execute("RESET ROLE")
        assert dict(await connection.fetch(NEWS, mine.session)) == {mine.user: 5, other: 5}


async def test_a_session_is_emptied_for_its_owner_alone_who_has_given_it_up(
    connection: asyncpg.Connection, db: Database, mine: Holdings, theirs: Holdings
) -> None:
    count, member = "SELECT count(*) FROM messages", await join(db, mine, MemberRole.WRITER)
    for given_up, left in ((False, 2), (True, 1)):
        async with acting(connection, mine.user):
            if given_up:
                await connection.execute("UPDATE sessions SET purged_at = now() WHERE id = $1", mine.session)
            for viewer in (theirs.user, member):
                await connection.execute("SELECT set_config('transom.viewer', $1, true)", str(viewer))
                await connection.execute("SELECT transom_purge_session($1)", mine.session)
            await connection.execute("RESET ROLE")
            assert await connection.fetchval(count) == 2
            await connection.execute(f"SET LOCAL ROLE {VIEWER_ROLE}")
            await connection.execute("SELECT set_config('transom.viewer', $1, true)", str(mine.user))
            await connection.execute("SELECT transom_purge_session($1)", mine.session)
            await connection.execute("RESET ROLE")
            assert await connection.fetchval(count) == left


async def test_an_identity_ends_with_its_transaction(tables: str, db: Database, mine: Holdings) -> None:
    identity = text("SELECT current_user = session_user, current_setting('transom.viewer', true)")
    async with Database(tables, connections=1) as single:
        async with single.viewer(mine.user) as tx:
            assert (await tx.execute(identity)).one() == (False, str(mine.user))
        async with single.system() as tx:
            assert (await tx.execute(identity)).one() == (True, "")
        with pytest.raises(RuntimeError):
            async with single.viewer(mine.user):
                raise RuntimeError
        async with single.system() as tx:
            assert (await tx.execute(identity)).one() == (True, "")


REFERENCES = [
    *sorted(  # a table's keys are a set of objects, which each process has in another order
        (table.name, key.parent.name, key.column.table.name)
        for table in Row.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name != "users"
    ),
    ("sessions", "forked_session_id", "sessions"),
    ("sessions", "forked_message_id", "messages"),
    ("messages", "run_id", "runs"),
]
"""Every column that refers to a row of something owned: table, column, and the table that it refers to."""

NO_REFERENCES = {("deltas", "run_id"), ("memberships", "last_sent_id"), ("memberships", "draft_after_id")}
"""Columns with ids that are compared with those of messages, which may not be there yet, and lead to no row."""


def test_every_column_that_holds_an_id_is_known() -> None:
    holds_ids = {
        (table.name, column.name)
        for table in Row.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Uuid) and column.name != "id"
    }
    of_accounts = {
        (table.name, key.parent.name)
        for table in Row.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "users"
    }
    assert holds_ids - of_accounts - NO_REFERENCES == {each[:2] for each in REFERENCES}


# Another one like the viewer's own, for each that there is, with one value replaced.
ANOTHER = """
INSERT INTO {table} ({columns}) SELECT {columns} FROM (SELECT (jsonb_populate_record(
    NULL::{table}, to_jsonb(t) || jsonb_build_object(
        'id', gen_random_uuid(), 'depth', 7, 'number', 7, 'version', 7, '{column}', '{id}'::uuid))).*
FROM {table} AS t WHERE {own}) AS another
"""


def another(table: str, column: str, id: UUID | int | str, own: str) -> str:
    """The statement that stores it."""
    stored = [each.name for each in Row.metadata.tables[table].columns if each.computed is None]
    return ANOTHER.format(table=table, column=column, id=id, own=own, columns=", ".join(f'"{name}"' for name in stored))


REFUSED = (asyncpg.ForeignKeyViolationError, asyncpg.InsufficientPrivilegeError)


async def refusal(connection: asyncpg.Connection, viewer: UUID, statement: str) -> tuple[str, str | None]:
    """The state and the constraint with which PostgreSQL refuses a viewer's statement."""
    async with acting(connection, viewer):
        with pytest.raises(REFUSED) as refused:
            await connection.execute(statement)
    return refused.value.sqlstate, refused.value.constraint_name


@pytest.mark.parametrize(("table", "column", "target"), REFERENCES)
async def test_no_row_of_a_viewer_refers_to_what_is_somebody_elses(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings, table: str, column: str, target: str
) -> None:
    own = key_condition(table, mine)
    told: list[list[tuple[str, str | None]]] = []
    for id in (theirs.keys[target][0], uuid4()):
        update = f"UPDATE {table} SET {column} = '{id}' WHERE {own}"
        insert = another(table, column, id, own)
        statements = [update] if table == "memberships" else [update, insert]  # there is one for each member
        if (table, column) != ("messages", "run_id") or not told:  # a run that is not there yet comes after its message
            told.append([await refusal(connection, mine.user, statement) for statement in statements])
    assert all(each == told[0] for each in told)


@pytest.mark.parametrize(
    ("table", "column", "target"), [each for each in REFERENCES if each[1] not in ("session_id", "message_id")]
)
async def test_a_row_of_a_viewer_refers_to_what_is_theirs(
    connection: asyncpg.Connection, mine: Holdings, table: str, column: str, target: str
) -> None:
    refer = f"UPDATE {table} SET {column} = '{mine.keys[target][0]}' WHERE {key_condition(table, mine)}"
    async with acting(connection, mine.user):
        assert await connection.execute(refer) == "UPDATE 1"


async def test_a_member_goes_on_with_the_agent_that_the_owner_has_chosen(
    connection: asyncpg.Connection, db: Database, theirs: Holdings
) -> None:
    member = await join(db, theirs, MemberRole.WRITER)
    run = another("runs", "agent_id", theirs.agent, f"id = '{theirs.run}'")
    assert await refusal(connection, member, run) == ("23503", "fk_runs_agent_id")
    for table in ("sessions", "runs"):
        async with acting(connection, member):
            await connection.execute("RESET ROLE")
            await connection.execute(f"UPDATE {table} SET agent_id = '{theirs.agent}'")
            await connection.execute(f"SET LOCAL ROLE {VIEWER_ROLE}")
            assert await connection.execute(run) == "INSERT 0 1"
            assert await connection.execute("UPDATE sessions SET title = 'Eve', head = head + 1") == "UPDATE 1"


@pytest.mark.parametrize(
    ("table", "column", "target"), [("runs", "message_id", "messages"), ("messages", "parent_id", "messages")]
)
async def test_what_a_session_holds_refers_to_nothing_in_another_one_whoever_writes(
    connection: asyncpg.Connection, mine: Holdings, theirs: Holdings, table: str, column: str, target: str
) -> None:
    async with acting(connection, mine.user):
        await connection.execute("RESET ROLE")
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(
                f"UPDATE {table} SET {column} = '{theirs.keys[target][0]}' WHERE {key_condition(table, mine)}"
            )
