"""How PostgreSQL reads what is asked of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from db.reader import Asked, Reader, Readers


@dataclass(frozen=True)
class Scan:
    """A node of a plan that read rows of a table."""

    kind: str
    table: str
    rows: int
    """How many it looked at, taken or not."""


async def of[Found](tx: AsyncSession, read: Callable[[AsyncSession], Awaitable[Found]]) -> tuple[Found, list[Scan]]:
    """What `read` finds, and every scan of all queries that it makes for that."""
    queries: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        queries.append((statement, parameters))

    connection = await tx.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    event.listen(connection.sync_connection, "before_cursor_execute", note)
    with driver.query_logger(lambda asked: queries.append((asked.query, tuple(asked.args)))):
        found = await read(tx)
        await asyncio.sleep(0)  # the logger is called a little later
    event.remove(connection.sync_connection, "before_cursor_execute", note)
    assert queries
    scans: list[Scan] = []
    for statement, parameters in queries:
        answer = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        plan = answer.scalar_one()
        scans += _scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return found, scans


class _Explaining(Readers):
    """Notes how each statement is read: by the plan that is kept for it, whatever its values are."""

    def __init__(self, readers: Readers) -> None:
        self._asked = readers
        self._connector = readers._connector
        self.scans: list[Scan] = []

    async def fetch[Row](self, asked: Asked[Row], *values: object) -> Sequence[Row]:
        connection = await self._connector.connect()
        await connection.execute(f"PREPARE asked AS {asked.sql}")
        literals = ", ".join(map(_literal, values))
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked ({literals})")
        await connection.close()
        self.scans += _scans(json.loads(plan)[0]["Plan"])
        return await self._asked.fetch(asked, *values)


def _literal(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"'{{{', '.join('NULL' if each is None else str(each) for each in value)}}}'"
    return "NULL" if value is None else f"'{value}'"


async def of_reader[Found](reader: Reader, read: Callable[[Reader], Awaitable[Found]]) -> tuple[Found, list[Scan]]:
    """The same for what is read without a transaction."""
    return await of_readers(reader.of, lambda readers: read(Reader(readers, reader.viewer_id)))


async def of_readers[Found](readers: Readers, read: Callable[[Readers], Awaitable[Found]]) -> tuple[Found, list[Scan]]:
    """The same for what is read without a viewer."""
    explaining = _Explaining(readers)
    return await read(explaining), explaining.scans


def _scans(plan: dict[str, Any]) -> Iterator[Scan]:
    if "Relation Name" in plan:
        looked_at = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        rows = sum(plan.get(name, 0) for name in looked_at) * plan["Actual Loops"]
        yield Scan(plan["Node Type"], plan["Relation Name"], round(rows))
    for below in plan.get("Plans", ()):
        yield from _scans(below)


def read(scans: list[Scan], table: str) -> int:
    """How many rows of a table were looked at."""
    return sum(scan.rows for scan in scans if scan.table == table)


def whole(scans: list[Scan]) -> set[str]:
    """The tables that were read from beginning to end."""
    return {scan.table for scan in scans if scan.kind == "Seq Scan"}
