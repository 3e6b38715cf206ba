"""The sides of `bench.tokens`: runs that say tokens at a pace, who writes them, and what that takes."""

import asyncio
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import psutil
from asyncpg.pgproto import pgproto

import engines
from bench import machine
from db import migrate
from db.database import Database
from pubsub.hub import Hub
from server.settings import Settings
from sync.channels import Frame, channel, read
from sync.cursors import ScopeKind
from sync.journal import Journal, Pen

TOKEN = "tok "
PRODUCER = "bench"
WARM = 1.0
"""Seconds of the load before what counts."""


@dataclass(frozen=True)
class Figures:
    """One side of one round."""

    side: str
    offered: int
    on_disk: int
    p50_ms: float
    p99_ms: float
    writer_cpu: float
    """Share of a core, without what making the load takes."""
    load_cpu: float
    postgres_cpu: float
    wal_bytes_per_token: float


@dataclass(frozen=True)
class Target:
    """A run to write to."""

    run_id: UUID
    session_id: UUID
    message_id: UUID


class Meter:
    """What one side uses between the warm-up and the end, and the latencies of its tokens."""

    def __init__(self, connection: asyncpg.Connection, postgres: int) -> None:
        self._connection = connection
        self._postgres = postgres
        self._began = (0.0, 0.0, 0.0, 0.0)
        self.latencies: list[float] = []
        self.seconds = self.own = self.postgres = self.log = 0.0

    async def begin(self) -> None:
        """What was until now does not count."""
        self.latencies.clear()
        self._began = await self._now()

    async def end(self) -> None:
        """What comes from now on does not count."""
        now = await self._now()
        spent = [late - early for late, early in zip(now, self._began, strict=True)]
        self.seconds, self.own, self.postgres, self.log = spent

    async def _now(self) -> tuple[float, float, float, float]:
        place = await self._connection.fetchval("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return time.perf_counter(), own_seconds(), postgres_seconds(self._postgres), float(place)

    def percentile(self, share: float) -> float:
        """In milliseconds; infinite where nothing arrived."""
        return percentile(self.latencies, share)


def percentile(latencies: list[float], share: float) -> float:
    """In milliseconds; infinite where there are none."""
    ordered = sorted(latencies)
    return 1000 * ordered[int(share * (len(ordered) - 1))] if ordered else float("inf")


async def targets(url: str, count: int) -> list[Target]:
    """Fresh runs, each in a session of its own."""
    connection = await asyncpg.connect(url)
    made = [Target(*(pgproto.UUID(uuid4().bytes) for _ in range(3))) for _ in range(count)]  # as the driver has them
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


@dataclass
class Window:
    """Notes when tokens are on disk. What frames say is looked at afterwards."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)

    def on_message(self, payload: bytes) -> None:
        """Takes a frame."""
        self.frames.append((time.perf_counter(), payload))

    def on_loss(self) -> None:
        """Nothing can get lost within a process."""
        raise AssertionError

    def latencies(self, handed: Mapping[UUID, Sequence[float]]) -> Iterator[tuple[float, float]]:
        """For each token, when it was on disk, and how long after it was handed over; empties the window."""
        for at, payload in self.frames:
            frame = read(payload)
            assert isinstance(frame, Frame)
            for number in range(frame.seq, frame.last + 1):
                yield at, at - handed[frame.run_id][number - 1]
        self.frames.clear()


@asynccontextmanager
async def journal(url: str, made: Sequence[Target], window: Window) -> AsyncIterator[dict[UUID, Pen]]:
    """A journal at work, with a pen for each run, and a window that hears of all of them."""
    hub = Hub()
    for each in made:
        await hub.listen(channel(ScopeKind.SESSION, each.session_id), window)
    async with Database(url) as db:
        writing = Journal(db, hub)
        writer = asyncio.create_task(writing.run())
        yield {
            each.run_id: writing.pen(
                run_id=each.run_id,
                session_id=each.session_id,
                message_id=each.message_id,
                epoch=1,
                producer=PRODUCER,
            )
            for each in made
        }
        writer.cancel()
        await asyncio.wait({writer})


async def by_journal(url: str, made: list[Target], rate: float, seconds: float, meter: Meter) -> tuple[int, int]:
    """The journal writer."""
    handed: dict[UUID, list[float]] = {each.run_id: [] for each in made}
    window = Window()
    async with journal(url, made, window) as pens:

        async def say(target: Target, now: float) -> None:
            pen = pens[target.run_id]
            handed[target.run_id].append(now)
            await pen.write(("a", 0, 4 * pen.written, TOKEN))

        warm = await paced(made, rate, WARM, say)
        await asyncio.gather(*(pen.flush() for pen in pens.values()))
        early = list(window.latencies(handed))
        await meter.begin()
        said = await paced(made, rate, seconds, say)
        end = time.perf_counter()
        await meter.end()
        await asyncio.gather(*(pen.flush() for pen in pens.values()))
        late = list(window.latencies(handed))
    assert len(early) == warm, "a token was lost"
    assert len(late) == said, "a token was lost"
    meter.latencies = [latency for _, latency in late]
    return said, sum(at <= end for at, _ in late)


async def generator(made: list[Target], rate: float) -> float:
    """Processor time for making one token of the load, in seconds, with nobody to write it."""
    handed: dict[UUID, list[float]] = {each.run_id: [] for each in made}
    window = Window()

    async def say(target: Target, now: float) -> None:
        handed[target.run_id].append(now)
        window.on_message(b"")

    began = own_seconds()
    said = await paced(made, rate, WARM, say)
    return (own_seconds() - began) / said


async def by_update(url: str, made: list[Target], rate: float, seconds: float, meter: Meter) -> tuple[int, int]:
    """One UPDATE for each token, on twenty connections."""
    pool = await asyncpg.create_pool(url, min_size=20, max_size=20)
    waiting: asyncio.Queue[tuple[Target, float]] = asyncio.Queue()
    stored = 0

    async def store() -> None:
        nonlocal stored
        while True:
            target, since = await waiting.get()
            await pool.execute("UPDATE messages SET content = content || $2 WHERE id = $1", target.message_id, TOKEN)
            meter.latencies.append(time.perf_counter() - since)
            stored += 1

    async def say(target: Target, now: float) -> None:
        waiting.put_nowait((target, now))

    workers = [asyncio.create_task(store()) for _ in range(20)]
    await meter.begin()
    said = await paced(made, rate, seconds, say)
    on_disk = stored
    await meter.end()
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
    making = await generator(made, rate)
    connection = await asyncpg.connect(url)
    meter = Meter(connection, root)
    said, on_disk = await SIDES[side](url, made, rate, seconds, meter)
    await connection.close()
    return Figures(
        side,
        said,
        on_disk,
        round(meter.percentile(0.5), 1),
        round(meter.percentile(0.99), 1),
        round((meter.own - making * said) / meter.seconds, 3),
        round(making * said / meter.seconds, 3),
        round(meter.postgres / meter.seconds, 3),
        round(meter.log / max(on_disk, 1)),
    )


def own_seconds() -> float:
    """The processor time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@asynccontextmanager
async def prepared() -> AsyncIterator[tuple[str, int]]:
    """A migrated database on an embedded PostgreSQL of its own, and the server's process id."""
    machine.end_in_order()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(data_dir=Path(folder), redis_url="redis://none", model_url="none:")
        with engines.running(settings) as urls:
            await migrate.upgrade(urls.database)
            (file,) = Path(folder).rglob("postmaster.pid")  # noqa: ASYNC240
            pid = int(file.read_text().splitlines()[0])
            yield urls.database, pid
