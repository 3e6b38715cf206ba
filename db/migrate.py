"""Brings a database to this version's tables."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from db.database import address

_LOCK = 7_236_687_766_541
"""Any fixed number: the advisory lock under which processes that start together migrate one after another."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The revision that this version of Transom works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current(connection: Connection) -> str | None:
    """The revision that the database is at, or None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


class NewerDatabase(Exception):
    """The database was made by a later version of Transom."""


def _upgrade(connection: Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = current(connection)
    if found == newest():
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise NewerDatabase(
            f"The database is at revision {found}, which this version of Transom does not know. "
            f"It was made by a later version: install that, or restore a backup from before."
        )
    command.upgrade(_config(connection), "head")


def _downgrade(connection: Connection, revision: str) -> None:
    command.downgrade(_config(connection), revision)


async def upgrade(url: str) -> None:
    """Applies the migrations that are missing, all in one transaction. Does nothing where none is.

    Raises:
        NewerDatabase: the database was made by a later version.
    """
    engine = create_async_engine(address(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def downgrade(url: str, revision: str) -> None:
    """Undoes migrations down to `revision`; `base` undoes them all, and with them the data."""
    engine = create_async_engine(address(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_downgrade, revision)
    finally:
        await engine.dispose()
