"""One server with its windows, at one load after the other."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import served
from bench.contenders import Contender
from bench.crowd import Broken, Crowd
from bench.served import Failed, Served

LATE = 100.0
"""Milliseconds that 99 of 100 deliveries may take."""
GRACE = 2.0
"""Seconds after the last number is due, until which everything must be there."""
WARM = 0.25
"""Share of a trial whose latencies do not count."""
WINDOWS_READY = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How many windows follow each session, and what grows with the load: the sessions, or else their rate."""

    name: str
    windows: int
    rate: float | None = None
    """Deltas a second of each session; None: there is one session, and its rate grows."""

    def of(self, load: float) -> tuple[int, float]:
        """Sessions and rate that make a load, in deliveries a second."""
        if self.rate is None:
            return 1, max(load / self.windows, 1.0)
        return max(round(load / self.windows / self.rate), 1), self.rate


TWO = Shape("2 windows", 2, 50.0)
TWENTY = Shape("20 windows", 20, 50.0)
THOUSAND = Shape("1,000 windows", 1_000)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a load. `reason` says why it was too much; None where it was not."""

    load: float
    """Deliveries a second that were offered, and if there is no reason against it, done."""
    p50_ms: float
    p99_ms: float
    server: float
    """Share of its core that the server used."""
    generator: float
    """Share of its core that the load generator used."""
    cost_us: float = 0.0
    """Processor time of the server for one delivery, in microseconds: what can be compared on a busy machine, too."""
    reason: str | None = None


class Trial:
    """A running server and the windows that are open at it."""

    def __init__(self, contender: Contender, shape: Shape, server: Served, publisher: Served | None = None) -> None:
        self.contender = contender
        self.shape = shape
        self.server = server
        self.publisher = publisher or server
        self.crowd = Crowd(server.port, tells=contender.ours)
        self._ids: list[str] = []

    def open(self, sessions: int) -> None:
        """Has windows follow at least so many sessions."""
        self.publisher.tell("prepare", sessions=sessions)
        ids = self.publisher.awaited(self.crowd.pump)["ids"]
        new = ids[len(self._ids) :]
        self.crowd.open([[id_] for id_ in new for _ in range(self.shape.windows)])
        self._ids += new
        if new and not self.contender.ours:
            self._probe()

    def _probe(self) -> None:
        """Publishes number 1 until every window has got one: a peer does not say when a window is subscribed."""
        end = time.monotonic() + WINDOWS_READY
        while time.monotonic() < end:
            self.crowd.begin()
            self.publisher.tell("publish", sessions=len(self._ids), rate=10, count=1)
            self.publisher.awaited(self.crowd.pump)
            try:
                self.crowd.until(lambda: all(window.last for window in self.crowd.windows), GRACE)
            except TimeoutError:
                continue
            return
        raise Failed("The windows are not told anything.")

    def at(self, load: float, seconds: float) -> Attempt:
        """Offers a load for so long."""
        sessions, rate = self.shape.of(load)
        load = sessions * rate * self.shape.windows
        self.open(sessions)
        count = max(round(rate * seconds), 2)
        crowd, wanted = self.crowd, sessions * self.shape.windows * count
        crowd.begin(first=int(count * WARM))
        publication = {"sessions": sessions, "rate": rate, "count": count}
        if self.contender.ours:
            self.publisher.tell("summon", **publication)
            self.publisher.awaited(crowd.pump)
        began, server, own = time.monotonic(), self.server.processor_seconds, time.process_time()
        reason = None
        self.publisher.tell("publish", **publication)
        try:
            self.publisher.awaited(crowd.pump, count / rate + GRACE)
            took, used, own_used = (
                time.monotonic() - began,
                self.server.processor_seconds - server,
                time.process_time() - own,
            )
            crowd.until(lambda: crowd.deliveries == wanted, GRACE)
        except (Broken, Failed, TimeoutError, OSError) as error:
            return Attempt(load, 0, float("inf"), 1, 0, reason=f"{type(error).__name__}: {error}")
        p99 = crowd.percentile(0.99)
        if p99 > LATE:
            reason = "late"
        p50, cost = crowd.percentile(0.5), 1e6 * used / wanted
        return Attempt(load, p50, p99, used / took, own_used / took, cost, reason)


@contextmanager
def trial(contender: Contender, shape: Shape, *, windows_at: Contender | None = None) -> Iterator[Trial]:
    """A fresh server of a contender; its windows may be at another one."""
    with ExitStack() as stack:
        publisher = stack.enter_context(served.serving(contender.command, contender.environment))
        at = windows_at or contender
        server = stack.enter_context(served.serving(at.command, at.environment)) if windows_at else publisher
        running = Trial(contender, shape, server, publisher)
        stack.callback(running.crowd.close)
        yield running
