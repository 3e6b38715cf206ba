"""What is in a database, to see that nothing was half-written."""

import asyncpg

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"


async def fingerprint(database: str) -> dict[str, tuple[int, str]]:
    """The number of rows of each table, and a hash of all that they hold."""
    connection = await asyncpg.connect(database)
    try:
        tables = [row["tablename"] for row in await connection.fetch(TABLES)]
        return {table: await _of(connection, table) for table in tables}
    finally:
        await connection.close()


async def _of(connection: asyncpg.Connection, table: str) -> tuple[int, str]:
    rows = f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} AS t"
    count, digest = await connection.fetchrow(rows)
    return count, digest


BUSY = """
SELECT count(*) FROM runs
WHERE (status = 'queued' AND executor = 'server')
   OR (status IN ('running', 'awaiting_input') AND cancel_requested_at IS NOT NULL)
"""


async def is_quiet(database: str) -> bool:
    """Whether no run is about to begin or to end."""
    connection = await asyncpg.connect(database)
    try:
        return bool(await connection.fetchval(BUSY) == 0)
    finally:
        await connection.close()
