"""What a database must be like before anything is done with it; each failure is a sentence that says what to do."""

import re
from collections.abc import Iterator
from typing import Any

import asyncpg

from db import complaints, roles
from db.connectors import SETTINGS, Connector, is_shared
from db.database import LONGEST, address

OLDEST = 15
"""The first version of PostgreSQL that will do."""

PATIENCE = 20.0

_TABLES = ("users", "sessions", "memberships", "branches", "messages", "runs", "deltas", "agents", "projects")
_OUR_REVISION = r"\d{4}"

_FACTS = f"""
    SELECT current_user::text AS login, current_database()::text AS database, current_schema()::text AS schema,
        current_setting('server_version_num')::int AS version,
        current_setting('server_encoding') AS encoding,
        pg_is_in_recovery() AS standby,
        current_setting('transaction_read_only')::bool AS read_only,
        current_setting('default_transaction_isolation') AS isolation,
        current_setting('row_security')::bool AS row_security,
        current_setting('search_path') AS path,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0) AS places,
        (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS places_of_database,
        me.rolconnlimit AS places_of_login,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
        me.rolsuper OR me.rolcreaterole AS may_make_roles,
        viewer.oid IS NOT NULL AS has_viewer,
        coalesce(viewer.rolsuper OR viewer.rolbypassrls OR pg_has_role(viewer.oid, me.oid, 'USAGE'), false) AS above,
        coalesce(pg_has_role(viewer.oid, {roles.MAY_BECOME}), false) AS may_become,
        coalesce(pg_has_role(viewer.oid, 'MEMBER WITH ADMIN OPTION'), false) AS may_grant,
        to_regclass('alembic_version') IS NOT NULL AS migrated,
        (SELECT array_agg(tablename::text ORDER BY tablename) FROM pg_tables
            WHERE schemaname = current_schema() AND tablename = ANY ($1)) AS tables,
        to_regclass('users') IS NOT NULL AND to_regclass('deltas') IS NOT NULL AS has_ours,
        (SELECT relowner::regrole::text FROM pg_class
            WHERE oid = to_regclass('alembic_version') AND NOT pg_has_role(relowner, 'USAGE')) AS owner
    FROM pg_roles AS me LEFT JOIN pg_roles AS viewer ON viewer.rolname = '{roles.VIEWER}'
    WHERE me.rolname = current_user
"""


class Unsuitable(Exception):
    """The database cannot be used as it is. The text says why, and what to do."""


class Starting(Unsuitable):
    """The database cannot be reached, and may be within moments."""


async def check(url: str, *, connections: int, newest: str) -> None:
    """Returns if the database at `url` can be migrated to `newest` and served from, with so many connections.

    Raises:
        ValueError: it is no address of a database.
        Starting: nothing listens there yet, or the database is still starting.
        Unsuitable: it cannot be used.
    """
    parsed = address(url)
    try:
        connection = await Connector(parsed, SETTINGS, timeout=PATIENCE, command_timeout=LONGEST).connect()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        kind = Starting if complaints.passes(error) else Unsuitable
        raise kind(complaints.of(error, parsed)) from error
    try:
        await _check(connection, connections, newest)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unsuitable(complaints.of(error, parsed)) from error
    finally:
        connection.terminate()


async def _check(connection: asyncpg.Connection, connections: int, newest: str) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST:
        raise Unsuitable(f"PostgreSQL {version.major}.{version.minor} is too old: Transom needs {OLDEST} or later.")
    if is_shared(connection):
        await _check_pooler(connection)
    facts = await connection.fetchrow(_FACTS, _TABLES)
    assert facts is not None
    revisions = []
    if facts["migrated"] and facts["owner"] is None:
        revisions = [row[0] for row in await connection.fetch("SELECT version_num FROM alembic_version")]
    rules = (
        _kept(facts),
        _tables(facts, revisions),
        _rights(facts, pending=revisions != [newest], fresh=not revisions),
    )
    for complaint in (complaint for rule in rules for complaint in rule):
        raise Unsuitable(complaint)
    if not is_shared(connection):
        _check_places(facts, connections)


async def _check_pooler(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("BEGIN")
        await connection.execute("ROLLBACK")
    except asyncpg.PostgresError as error:
        raise Unsuitable(
            "The pooler in TRANSOM_DATABASE_URL lends a connection for a statement, and Transom needs transactions: "
            "set its pool_mode to transaction, or give the address of PostgreSQL itself."
        ) from error


def _kept(facts: Any) -> Iterator[str]:
    """What is stored is what was written, and what is read is what was stored."""
    database, login = roles.quoted(facts["database"]), roles.quoted(facts["login"])
    if facts["encoding"] != "UTF8":
        yield (
            f"The database {database} stores text as {facts['encoding']}, and conversations need UTF8. Make one with "
            f"CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and give its address in {complaints.SETTING}."
        )
    if facts["standby"]:
        yield f"This PostgreSQL is a standby and takes no writes. Give the primary's address in {complaints.SETTING}."
    if facts["read_only"]:
        yield (
            "The database takes no writes, because default_transaction_read_only is on. Turn it off: "
            f"ALTER DATABASE {database} SET default_transaction_read_only = off; (or for the role {login})."
        )
    if facts["isolation"] != "read committed":
        yield (
            f"default_transaction_isolation is {facts['isolation']!r}, under which writes that meet would fail. "
            f"Run: ALTER ROLE {login} SET default_transaction_isolation = 'read committed';"
        )
    if not facts["row_security"]:
        yield f"row_security is off, so viewers could read nothing. Run: ALTER ROLE {login} SET row_security = on;"


def _tables(facts: Any, revisions: list[str]) -> Iterator[str]:
    """The tables are ours, or there are none yet."""
    schema, login = roles.quoted(facts["schema"] or ""), roles.quoted(facts["login"])
    if facts["schema"] is None:
        yield (
            f"No schema of the search_path ({facts['path']}) exists or may be used. "
            f"Run: ALTER ROLE {login} SET search_path = public; or make that schema."
        )
        return
    if "$user" in facts["path"] and facts["schema"] == facts["login"]:
        yield (
            f"The search_path ({facts['path']}) leads to the schema {schema} for the role {login} only, and not while "
            f"it serves viewers. Run: ALTER ROLE {login} SET search_path = {schema};"
        )
    if facts["owner"] is not None:
        yield (
            f"The tables of the schema {schema} belong to the role {facts['owner']}. Sign in as that role, or let an "
            f"administrator run: GRANT {facts['owner']} TO {login};"
        )
    elif facts["migrated"] and revisions and not _ours(facts, revisions):
        yield (
            f"The tables of the schema {schema} belong to another program: its alembic_version is "
            f"{', '.join(revisions)}. Give Transom a database of its own."
        )
    elif not revisions and facts["tables"]:
        yield (
            f"The schema {schema} has tables of another program ({', '.join(facts['tables'])}). "
            "Give Transom a database of its own."
        )


def _ours(facts: Any, revisions: list[str]) -> bool:
    numbered = all(re.fullmatch(_OUR_REVISION, revision) for revision in revisions)
    return len(revisions) == 1 and numbered and facts["has_ours"]


def _rights(facts: Any, *, pending: bool, fresh: bool) -> Iterator[str]:
    """The login may make the tables, and become the role that viewers are served by."""
    login, schema = facts["login"], roles.quoted(facts["schema"] or "")
    if pending and not facts["may_create"]:
        yield (
            f"The role {roles.quoted(login)} may not make tables in the schema {schema}. An administrator can run: "
            f"GRANT CREATE ON SCHEMA {schema} TO {roles.quoted(login)};"
        )
    if facts["above"]:
        yield (
            f"The role {roles.VIEWER} stands above row security, so viewers would see everything. An administrator can "
            f"run: ALTER ROLE {roles.VIEWER} NOSUPERUSER NOBYPASSRLS; REVOKE {roles.quoted(login)} FROM {roles.VIEWER};"
        )
    if not (facts["may_become"] or (fresh and _may_let_itself(facts))):
        statements = roles.made(login, facts["version"], exists=facts["has_viewer"])
        yield (
            f"The role {roles.quoted(login)} cannot become {roles.VIEWER}, which row security holds for. "
            f"An administrator has to run: {statements}"
        )


def _may_let_itself(facts: Any) -> bool:
    """Whether the first migration can make the viewers' role, if need be, and grant it."""
    if not facts["has_viewer"] or facts["version"] < roles.SELECTIVE:
        return bool(facts["may_make_roles"])
    return bool(facts["may_grant"])


def _check_places(facts: Any, connections: int) -> None:
    limits = {
        "max_connections leaves": facts["places"],
        "the connection limit of the role is": facts["places_of_login"],
        "the connection limit of the database is": facts["places_of_database"],
    }
    set_limits = {name: limit for name, limit in limits.items() if limit >= 0}
    name, least = min(set_limits.items(), key=lambda each: each[1])
    if connections > least:
        raise Unsuitable(
            f"Transom may open {connections} connections to PostgreSQL, and {name} {least}. Raise that, or set "
            f"TRANSOM_DATABASE_CONNECTIONS (for each process) or TRANSOM_WORKERS lower."
        )
