"""Reads of one statement for a viewer: one round trip, all of one moment, under row security.

Opening a transaction, becoming the viewer and committing are round trips of their own, which take longer than most
reads. So the hot ones go another way: over connections that have the viewers' role from their beginning to their end,
and cannot write. Who the viewer is, the statement itself says first, for its own duration; under another role it finds
nothing. What a process reads for all its windows goes over connections of the same kind that have the server's own
role.

Behind a pooler no connection keeps a role. There, a read for a viewer is a transaction that takes it on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from db import budgets, connectors, moments, roles, texts

# OFFSET 0 keeps both queries as they are: the inner one is run for the row of the outer, so it comes after it.
_AS_VIEWER = """
SELECT found.*
FROM (
    SELECT set_config('transom.viewer', $1::uuid::text, true) AS viewer WHERE current_user = '{role}' OFFSET 0
) AS me
CROSS JOIN LATERAL (SELECT * FROM ({query}) AS query WHERE me.viewer IS NOT NULL OFFSET 0) AS found
"""

_SETTINGS = connectors.SETTINGS | {
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_generic_plan",  # planning takes longer than a read, and each has one good plan
    "max_parallel_workers_per_gather": "0",
}

_BEGIN = "BEGIN READ ONLY; SET LOCAL ROLE {role}; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0"

_TIMES = {"encoder": moments.packed, "decoder": moments.count}

_LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver has been told of the end, and has not seen it yet
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)


@dataclass(frozen=True, slots=True)
class Asked[Row]:
    """A query. A row of its answer becomes a `Row`, an `asyncpg.Record`."""

    sql: str
    row: type[Row]


class Statement[Row](Asked[Row]):
    """A query that a viewer asks: `$1` is the viewer's id."""

    __slots__ = ()

    @classmethod
    def of(cls, query: str, row: type[Row]) -> "Statement[Row]":
        """The statement that becomes the viewer first, and then reads."""
        return cls(_AS_VIEWER.format(query=query, role=roles.VIEWER), row)


class Readers:
    """Connections to read over, opened when they are needed. They have a role, or else that of who signs in.

    One that has not answered for `patience` seconds counts as lost: a network may go away without a word.
    """

    def __init__(self, url: sa.URL, role: str | None = None, *, connections: int = 10, patience: float = 20.0) -> None:
        settings = _SETTINGS if role is None else _SETTINGS | {"role": role}
        self._connector = connectors.Connector(
            url,
            settings,
            timeout=patience,
            command_timeout=patience,
            max_cacheable_statement_size=0,  # the driver would prepare the longest ones anew each time
        )
        self._begin = None if role is None else _BEGIN.format(role=role)
        self._turns = asyncio.Semaphore(connections)
        self._idle: list[asyncpg.Connection] = []

    async def close(self) -> None:
        """Closes the connections. Nothing is read any more."""
        while self._idle:
            await self._idle.pop().close()

    async def fetch[Row](self, asked: Asked[Row], *values: object) -> Sequence[Row]:
        """The rows that a query finds. One that has lost its connection is asked again on a new one.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database does not answer, or refuses.
        """
        async with self._turns:
            while True:
                connection, known = await self._connection()
                try:
                    sent = texts.bound(values)
                    if self._begin is not None and connectors.is_shared(connection):
                        await connection.execute(self._begin)
                        found: Sequence[Row] = await connection.fetch(asked.sql, *sent, record_class=asked.row)
                        await connection.execute("COMMIT")
                    else:
                        found = await connection.fetch(asked.sql, *sent, record_class=asked.row)
                except BaseException as error:
                    connection.terminate()
                    if known and isinstance(error, _LOST):
                        continue
                    raise
                self._idle.append(connection)
                return found

    async def _connection(self) -> tuple[asyncpg.Connection, bool]:
        """A connection, and whether it has been used before: it may have been lost since."""
        while self._idle:
            if not (connection := self._idle.pop()).is_closed():
                return connection, True
        connection = await self._connector.connect()
        try:
            await connection.set_type_codec("timestamptz", schema="pg_catalog", format="binary", **_TIMES)
        except BaseException:
            connection.terminate()
            raise
        return connection, False


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads for one viewer."""

    of: Readers
    viewer_id: UUID

    async def all[Row](self, statement: Statement[Row], *values: Any) -> Sequence[Row]:
        """The rows that a statement finds; its values from `$2` on."""
        return await self.of.fetch(statement, self.viewer_id, *values)

    async def bounded[Row: asyncpg.Record](self, statement: Statement[Row], *values: Any) -> Sequence[Row]:
        """The same where rows are large; few are read so at a time. Its last value is how much there is room for.

        The statement stops with the row that is too much, and says in `bytes` how many its rows have, up to each.

        Raises:
            budgets.Exhausted: there is less room in the answer that this is read for.
        """
        budget = budgets.current()
        if budget is None:
            return await self.all(statement, *values, budgets.UNBOUNDED)
        async with budget.of.turns:
            found = await self.all(statement, *values, budget.left)
            if found:
                budget.read(found[-1]["bytes"])
            return found
