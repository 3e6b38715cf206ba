"""How many tokens a second the journal keeps up with, and what it does when more come than that.

A load is too much where, twice in a row, tokens are late: more than one in a hundred after a tenth of a second. Beyond,
each run has a producer that writes as fast as it is let. It is held back, while what waits stays bounded; then all that
was taken is read back, and every token must be there, once and in order.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import override

import asyncpg
import orjson
import psutil

from bench import writing
from sync.journal import Pen

LATE = 100.0
"""Milliseconds that 99 of 100 tokens may take."""
STRIDE = 1.5
CLOSE = 1.1
TRIES = 2
SECONDS = 2.0
BURST = 20
"""Tokens that a producer hands over at once where it is too much: one by one they would not be."""


@dataclass(frozen=True)
class Most:
    """The highest load that was not too much."""

    rate: float
    """Tokens a second, of all runs together."""
    p50_ms: float
    p99_ms: float


async def most(url: str, postgres: int, runs: int, rate: float) -> Most:
    """Steps the rate of each run up from `rate` (or down, if that is too much), and closes in on the limit."""
    best, too_much = Most(0, 0, 0), float("inf")
    while too_much > CLOSE * max(best.rate, 1):
        found = await _keeps_up(url, postgres, runs, rate)
        if found is not None:
            best = found
        else:
            too_much = runs * rate
        if too_much == float("inf"):
            rate *= STRIDE
        else:
            rate = (best.rate * too_much) ** 0.5 / runs if best.rate else rate / STRIDE
    return best


async def _keeps_up(url: str, postgres: int, runs: int, rate: float) -> Most | None:
    for _ in range(TRIES):
        figures = await writing.measure(url, postgres, "journal", runs, rate, SECONDS)
        if figures.p99_ms <= LATE:
            return Most(runs * rate, figures.p50_ms, figures.p99_ms)
    return None


@dataclass(frozen=True)
class Beyond:
    """What came of too much. The times are those that a producer was held for a burst."""

    taken_a_second: float
    held_p50_ms: float
    held_p99_ms: float
    most_waiting: int
    """Tokens that waited for the disk, at the worst moment."""
    grown_mb: float
    """By which the process grew at most."""
    missing: int


async def beyond(url: str, runs: int, seconds: float = 3.0) -> Beyond:
    """Has every run written as fast as it goes.

    Raises:
        AssertionError: a token is missing, or in a wrong place.
    """
    made = await writing.targets(url, runs)
    own, held = psutil.Process(), list[float]()
    async with writing.journal(url, made, window := _Deaf()) as pens:
        await asyncio.gather(*(_write(pen, time.perf_counter() + 0.5, []) for pen in pens.values()))
        resident, before, window.waiting = own.memory_info().rss, sum(pen.written for pen in pens.values()), 0
        window.pens = list(pens.values())
        until = time.perf_counter() + seconds
        await asyncio.gather(*(_write(pen, until, held) for pen in pens.values()))
        grown = max(window.resident, own.memory_info().rss) - resident
        written = sum(pen.written for pen in pens.values())
        await asyncio.gather(*(pen.flush() for pen in pens.values()))
        await _check(url, list(pens.values()))
    return Beyond(
        round((written - before) / seconds),
        round(writing.percentile(held, 0.5), 2),
        round(writing.percentile(held, 0.99), 1),
        window.waiting,
        round(grown / 2**20, 1),
        0,
    )


class _Deaf(writing.Window):
    """Forgets what it hears, and looks now and then at what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.pens: Sequence[Pen] = ()
        self.waiting = self.resident = self._heard = 0

    @override
    def on_message(self, payload: bytes) -> None:
        self._heard += 1
        if self._heard % 1_000 == 0:
            self.waiting = max(self.waiting, sum(pen.written - pen.durable for pen in self.pens))
            self.resident = max(self.resident, psutil.Process().memory_info().rss)


async def _write(pen: Pen, until: float, held: list[float]) -> None:
    while (now := time.perf_counter()) < until:
        await pen.write(*(("a", 0, 4 * (pen.written + each), writing.TOKEN) for each in range(BURST)))
        held.append(time.perf_counter() - now)
        await asyncio.sleep(0)


async def _check(url: str, pens: Sequence[Pen]) -> None:
    connection = await asyncpg.connect(url)
    for pen in pens:
        rows = await connection.fetch("SELECT seq, events FROM deltas WHERE run_id = $1 ORDER BY seq", pen.run_id)
        events = [event for row in rows for event in orjson.loads(row["events"])]
        assert [row["seq"] for row in rows][:1] == [1]
        assert events == [["a", 0, 4 * number, writing.TOKEN] for number in range(pen.written)], "a token is missing"
    await connection.close()
