"""Brings a database to this version's tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection

from db import connectors
from db.database import address

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"

_LOCK = 7_236_687_766_541
"""Any fixed number: the advisory lock under which processes that start together migrate one after another."""


def newest() -> str:
    """The revision that this version of Transom works with: the last one by the number in its file's name."""
    return max(file.stem.split("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*.py"))


def current(connection: Connection) -> str | None:
    """The revision that the database is at, or None where it is empty."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


class NewerDatabase(Exception):
    """The database was made by a later version of Transom."""


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  (a start with nothing to do is quicker without it)

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if current(connection) == newest():
        return
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = current(connection)
    if found == newest():
        return
    if found is not None and not any((_FOLDER / "versions").glob(f"{found}_*.py")):
        raise NewerDatabase(
            f"The database is at revision {found}, which this version of Transom does not know. "
            "It was made by a later version: install that, undo its migrations with it (docs/guide/deploy.md), "
            "or restore a backup from before."
        )
    from alembic import command  # noqa: PLC0415

    command.upgrade(_config(connection), "head")


def _downgrade(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415

    command.downgrade(_config(connection), revision)


async def upgrade(url: str) -> None:
    """Applies the migrations that are missing, all in one transaction. Does nothing where none is.

    Raises:
        NewerDatabase: the database was made by a later version.
    """
    engine = connectors.engine(address(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def downgrade(url: str, revision: str) -> None:
    """Undoes migrations down to `revision`; `base` undoes them all, and with them the data."""
    engine = connectors.engine(address(url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_downgrade, revision)
    finally:
        await engine.dispose()
