"""How many tokens does one process put on disk, how soon, and at what cost?

    .venv/bin/python -m bench.tokens --runs 1000 --rate 50 --seconds 10

Side by side, on the embedded PostgreSQL with synchronous commit: the journal writer, and what a hand-written backend
does, one UPDATE of the message for each token. All runs are paced; a side that cannot keep up shows it by what is not
on disk at the end. The latency is from the moment a token is handed over to the moment its commit has returned.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import psutil

from bench import results
from chat.cursors import ScopeKind
from chat.doorbells import Frame, channel, read
from chat.journal import Journal
from db import migrate
from db.database import Database
from pubsub.hub import Hub
from server import engines
from server.settings import Settings

TOKEN = "tok "
PRODUCER = "bench"


@dataclass(frozen=True)
class Figures:
    """One side of one round."""

    side: str
    offered: int
    on_disk: int
    p50_ms: float
    p99_ms: float
    writer_cpu: float
    postgres_cpu: float
    wal_bytes_per_token: float


@dataclass(frozen=True)
class Target:
    """A run to write to."""

    run_id: UUID
    session_id: UUID
    message_id: UUID


class Stopwatch:
    """The latencies of one round."""

    def __init__(self) -> None:
        self.latencies: list[float] = []

    def percentile(self, share: float) -> float:
        """In milliseconds; infinite where nothing arrived."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[int(share * (len(ordered) - 1))] if ordered else float("inf")


async def targets(url: str, count: int) -> list[Target]:
    """Fresh runs, each in a session of its own."""
    connection = await asyncpg.connect(url)
    made = [Target(uuid4(), uuid4(), uuid4()) for _ in range(count)]
    async with connection.transaction():
        user = uuid4()
        await connection.execute("INSERT INTO users (id, subject) VALUES ($1, $2)", user, str(user))
        await connection.executemany(
            "INSERT INTO sessions (id, owner_id) VALUES ($1, $2)", [(each.session_id, user) for each in made]
        )
        await connection.executemany(
            "INSERT INTO messages (id, session_id, branch, depth, role, status)"
            " VALUES ($1, $2, 0, 0, 'assistant', 'streaming')",
            [(each.message_id, each.session_id) for each in made],
        )
        await connection.executemany(
            "INSERT INTO runs (id, session_id, message_id, status, executor, position, epoch, producer)"
            " VALUES ($1, $2, $3, 'running', 'server', 0, 1, $4)",
            [(each.run_id, each.session_id, each.message_id, PRODUCER) for each in made],
        )
    await connection.execute("CHECKPOINT")
    await connection.close()
    return made


async def paced(
    made: list[Target], rate: float, seconds: float, say: Callable[[Target, float], Awaitable[None]]
) -> int:
    """Says one token for each target `rate` times a second, spread evenly; returns how many were said."""
    steps = 20  # slices of a period, so that tokens do not come all at once
    period = 1 / rate
    start = time.perf_counter()
    said = 0
    for step in range(int(seconds * rate * steps)):
        due = start + step * period / steps
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        for target in made[step % steps :: steps]:
            await say(target, time.perf_counter())
            said += 1
    return said


async def by_journal(url: str, made: list[Target], rate: float, seconds: float, watch: Stopwatch) -> tuple[int, int]:
    """The journal writer."""
    handed: dict[UUID, list[float]] = {each.run_id: [] for each in made}
    arrived = 0

    class Window:
        def on_message(self, payload: bytes) -> None:
            nonlocal arrived
            now, frame = time.perf_counter(), read(payload)
            assert isinstance(frame, Frame)
            for number in range(frame.seq, frame.last + 1):
                watch.latencies.append(now - handed[frame.run_id][number - 1])
            arrived += len(frame.events)

        def on_loss(self) -> None:
            raise AssertionError("Nothing can get lost within a process.")

    hub, window = Hub(), Window()
    for each in made:
        await hub.listen(channel(ScopeKind.SESSION, each.session_id), window)
    async with Database(url) as db:
        journal = Journal(db, hub)
        writer = asyncio.create_task(journal.run())
        pens = {
            each.run_id: journal.pen(
                run_id=each.run_id,
                session_id=each.session_id,
                message_id=each.message_id,
                epoch=1,
                producer=PRODUCER,
            )
            for each in made
        }

        async def say(target: Target, now: float) -> None:
            pen = pens[target.run_id]
            handed[target.run_id].append(now)
            await pen.write(("a", 0, 4 * pen.written, TOKEN))

        said = await paced(made, rate, seconds, say)
        on_disk = arrived
        for pen in pens.values():
            await pen.flush()
        assert arrived == said, "a token was lost"
        writer.cancel()
        await asyncio.wait({writer})
    return said, on_disk


async def by_update(url: str, made: list[Target], rate: float, seconds: float, watch: Stopwatch) -> tuple[int, int]:
    """One UPDATE for each token, on twenty connections."""
    pool = await asyncpg.create_pool(url, min_size=20, max_size=20)
    waiting: asyncio.Queue[tuple[Target, float]] = asyncio.Queue()
    stored = 0

    async def store() -> None:
        nonlocal stored
        while True:
            target, since = await waiting.get()
            await pool.execute("UPDATE messages SET content = content || $2 WHERE id = $1", target.message_id, TOKEN)
            watch.latencies.append(time.perf_counter() - since)
            stored += 1

    async def say(target: Target, now: float) -> None:
        waiting.put_nowait((target, now))

    workers = [asyncio.create_task(store()) for _ in range(20)]
    said = await paced(made, rate, seconds, say)
    on_disk = stored
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)
    await pool.close()
    return said, on_disk


SIDES = {"journal": by_journal, "update per token": by_update}


def postgres_seconds(root: int) -> float:
    """The processor time of a PostgreSQL server, all its processes together."""
    server = psutil.Process(root)
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


async def measure(url: str, root: int, side: str, runs: int, rate: float, seconds: float) -> Figures:
    """One side, once."""
    made = await targets(url, runs)
    connection = await asyncpg.connect(url)
    wal = "SELECT pg_current_wal_insert_lsn()"
    before, began, own, pg = await connection.fetchval(wal), time.perf_counter(), _own(), postgres_seconds(root)
    watch = Stopwatch()
    said, on_disk = await SIDES[side](url, made, rate, seconds, watch)
    took = time.perf_counter() - began
    written = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)", before)
    figures = Figures(
        side,
        said,
        on_disk,
        round(watch.percentile(0.5), 1),
        round(watch.percentile(0.99), 1),
        round((_own() - own) / took, 2),
        round((postgres_seconds(root) - pg) / took, 2),
        round(float(written) / max(on_disk, 1)),
    )
    await connection.close()
    return figures


def _own() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@asynccontextmanager
async def prepared() -> AsyncIterator[tuple[str, int]]:
    """A migrated database on an embedded PostgreSQL of its own, and the server's process id."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(data_dir=Path(folder), redis_url="redis://none", model_url="none:")
        with engines.running(settings) as urls:
            await migrate.upgrade(urls.database)
            (file,) = Path(folder).rglob("postmaster.pid")  # noqa: ASYNC240
            pid = int(file.read_text().splitlines()[0])
            yield urls.database, pid


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--rate", type=float, default=50)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    async with prepared() as (url, pid):
        for _ in range(chosen.rounds):
            for side, figures in found.items():
                measured = asdict(await measure(url, pid, side, chosen.runs, chosen.rate, chosen.seconds))
                print(json.dumps(measured), flush=True)
                figures.append({name: value for name, value in measured.items() if name != "side"})
    rows = [
        {"side": side, **{name: results.spread([each[name] for each in figures], 2) for name in figures[0]}}
        for side, figures in found.items()
    ]
    results.keep("tokens", vars(chosen), rows)
    results.show(rows)


if __name__ == "__main__":
    asyncio.run(main())
