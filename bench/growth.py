"""Does a page take longer when there is more in the database?

    .venv/bin/python -m bench.growth                      10,000, 100,000 and 1,000,000 messages
    .venv/bin/python -m bench.growth --most 10000000      and ten million, which take some minutes and 10 GB

The same session of 10,000 messages is read with ever more of others' around it, loaded with COPY: the newest 50 over
HTTP, and as the database alone reads them. A page may take 1.3 times as long as among 10,000; where it takes longer,
the plan of its statement is printed.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

import engines
from bench import machine, pages, pages_rows, results, served
from bench.pages_load import Ask, load
from db import migrate, paths
from db.database import Database
from db.page import Span
from server.settings import Settings

ALLOWED = 1.3
FIRST = 10_000


async def grow(database: str, before: int, count: int) -> float:
    """Loads until there are so many messages; the seconds that it took."""
    connection = await asyncpg.connect(database)
    began = time.perf_counter()
    if before == 0:
        await pages_rows.load(connection, {pages_rows.LONG: FIRST})
    else:
        await pages_rows.surround(connection, count - FIRST, before - FIRST)
    took = time.perf_counter() - began
    await connection.execute("CHECKPOINT")  # or it would come while something is measured
    await connection.close()
    return took


async def statement_ms(database: str, times: int = 200) -> float:
    """How long the database takes for the page's statement, the median, over a connection that knows it."""
    async with Database(database) as db:
        reader, took = db.reader(pages_rows.LOCAL), []
        for _ in range(times):
            began = time.perf_counter()
            await paths.page(reader, pages_rows.LONG, None, Span(50, backward=True))
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


async def plan(database: str) -> str:
    """How PostgreSQL reads the page, whatever the values are."""
    connection = await asyncpg.connect(database)
    await connection.execute("SET plan_cache_mode = force_generic_plan; SET ROLE transom_viewer")
    await connection.execute(f"PREPARE page AS {paths.PAGE.sql}")
    values = f"'{pages_rows.LOCAL}', '{pages_rows.LONG}', NULL, -1, NULL, 50, true"
    lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) EXECUTE page ({values})")
    await connection.close()
    return "\n".join(line[0] for line in lines)


async def measure(database: str, redis: str, rounds: int, seconds: float) -> tuple[list[pages.Sample], float]:
    """The page over HTTP, in some rounds, and its statement alone."""
    transom = pages.transom("Transom", database, redis)
    with served.serving(transom.command, transom.environment) as server:
        ask = Ask(f"http://127.0.0.1:{server.port}/graphql", pages.LAST, {"id": str(pages_rows.LONG)})
        await load(ask, pages.CONNECTIONS, min(seconds, 2))
        samples = [await pages.measured(server, ask, seconds) for _ in range(rounds)]
    return samples, await statement_ms(database)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--most", type=int, default=1_000_000, help="messages of the last step")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=5)
    chosen = options.parse_args()
    machine.settle()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(data_dir=Path(folder), model_url="none:")
        with engines.running(settings) as urls:
            asyncio.run(migrate.upgrade(urls.database))
            before, count = 0, FIRST
            while count <= chosen.most:
                loading = asyncio.run(grow(urls.database, before, count))
                if not rows:  # a rehearsal: the first seconds of a machine that was at rest are slower
                    uvloop.run(measure(urls.database, urls.redis, 1, chosen.seconds))
                samples, statement = uvloop.run(measure(urls.database, urls.redis, chosen.rounds, chosen.seconds))
                found = pages.summary(f"{count:,} messages", samples)
                rate = found["answers/s"]["median"]
                first = rows[0] if rows else None
                times = 1.0 if first is None else first["answers/s"]["median"] / rate
                statements = 1.0 if first is None else statement / first["statement ms"]
                rows.append(
                    {
                        **found,
                        "times as long": round(times, 2),
                        "statement ms": round(statement, 3),
                        "statement, times as long": round(statements, 2),
                        "loaded in s": round(loading),
                    }
                )
                print(f"{count:,} messages: a page takes {times:.2f} times as long", flush=True)
                if max(times, statements) > ALLOWED:
                    print(asyncio.run(plan(urls.database)))
                before, count = count, count * 10
    results.show(rows)
    results.keep("growth", vars(chosen), rows)


if __name__ == "__main__":
    main()
