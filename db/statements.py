"""Statements of a transaction that are asked with every message: handed to the driver as they are.

Making a statement, finding out that it was made before, and loading objects that are watched for changes takes
SQLAlchemy three to ten times as long as the driver and PostgreSQL need to answer. Everything else goes through it.
"""

from enum import StrEnum
from typing import Any, cast

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from db import texts
from db.models import Row

_DRIVER = "driver"
_BEGIN = sa.text("SELECT")


async def fetch(tx: AsyncSession, statement: str, *values: object) -> list[asyncpg.Record]:
    """The rows that a statement answers with, in the transaction. `$1` stands for the first value.

    Raises:
        sqlalchemy.exc.IntegrityError: a constraint was hit.
        asyncpg.PostgresError, asyncpg.InterfaceError, sqlalchemy.exc.DBAPIError, OSError: it went wrong otherwise.
    """
    driver = await _driver(tx)
    try:
        found: list[asyncpg.Record] = await driver.fetch(statement, *texts.bound(values))
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(statement, None, error) from error
    return found


async def first(tx: AsyncSession, statement: str, *values: object) -> asyncpg.Record | None:
    """The first row, if there is one; otherwise as `fetch`."""
    found = await fetch(tx, statement, *values)
    return found[0] if found else None


async def _driver(tx: AsyncSession) -> asyncpg.Connection:
    if (known := tx.info.get(_DRIVER)) is None:
        connection = await (await tx.connection()).get_raw_connection()
        known = tx.info[_DRIVER] = cast("asyncpg.Connection", connection.driver_connection)
        if not known.is_in_transaction():
            await tx.execute(_BEGIN)  # SQLAlchemy opens a transaction with the first thing that it is asked
    return known


class Columns[Model: Row]:
    """The columns of a table in SQL, and how what they hold becomes objects that nobody watches."""

    def __init__(self, model: type[Model], alias: str) -> None:
        self._model = model
        self._columns = {each.key: each.columns[0] for each in sa.inspect(model).column_attrs}
        self.sql = ", ".join(f'{alias}."{column.name}"' for column in self._columns.values())
        """`alias.column` for each column, in an order of their own."""
        self._into = f"INSERT INTO {model.__tablename__} AS {alias}"
        self._inserts: dict[tuple[str, ...], str] = {}
        members = [_members(column.type) for column in self._columns.values()]
        self._members = [(place, found) for place, found in enumerate(members) if found]
        self._defaults = {key: column.default.arg for key, column in self._columns.items() if column.default}
        self._json = {key for key, column in self._columns.items() if isinstance(column.type, JSONB)}

    def __len__(self) -> int:
        return len(self._columns)

    async def insert(self, tx: AsyncSession, row: Model) -> Model:
        """Stores a new object, which says then what is stored. What it does not say, or None, is left to the defaults.

        Raises:
            sqlalchemy.exc.IntegrityError: an id is taken.
        """
        said = vars(row)
        for key, default in self._defaults.items():
            if said.get(key) is None:
                setattr(row, key, default(None) if callable(default) else default)
        keys = tuple(key for key in self._columns if said.get(key) is not None)
        if (statement := self._inserts.get(keys)) is None:
            names = ", ".join(f'"{self._columns[key].name}"' for key in keys)
            places = ", ".join(f"${number}" for number in range(1, len(keys) + 1))
            statement = self._inserts[keys] = f"{self._into} ({names}) VALUES ({places}) RETURNING {self.sql}"
        values = (texts.json(said[key]) if key in self._json else said[key] for key in keys)
        (stored,) = await fetch(tx, statement, *values)
        return self.refresh(row, stored)

    def row(self, record: asyncpg.Record, start: int = 0) -> Model:
        """An object of the columns that begin at `start` in a record."""
        return self._model(**self._values(record, start))

    def refresh(self, row: Model, record: asyncpg.Record, start: int = 0) -> Model:
        """The same in an object that there is already, which does not count as a change of it."""
        for key, value in self._values(record, start).items():
            set_committed_value(row, key, value)
        return row

    def _values(self, record: asyncpg.Record, start: int) -> dict[str, Any]:
        values = list(record[start : start + len(self._columns)])
        for place, members in self._members:
            values[place] = None if values[place] is None else members[values[place]]
        return dict(zip(self._columns, values, strict=True))


def _members(kind: sa.types.TypeEngine[Any]) -> dict[str, StrEnum]:
    enum = kind.enum_class if isinstance(kind, sa.Enum) else None
    return {member.value: cast("StrEnum", member) for member in enum or ()}
