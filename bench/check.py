"""Is what makes Transom fast still there? Some seconds, for every change; ratios within one run, never times.

    .venv/bin/python -m bench.check

Three ratios, without sockets and engines: a compiled plan beside graphql-core, for one event; one event pushed to 200
windows beside 200 subscriptions to it as Strawberry runs them; and the first window of an event, for which it is read,
shown and encoded, beside one window more. The command fails if one of them is worse than it must be.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, override
from uuid import UUID

import orjson
import strawberry

from bench import plan, results
from db.database import Database
from pubsub.hub import Hub
from resolvers.root import CONFIG, PARTS
from schema import event, identifier
from sync import channels
from sync.catch_up import Arrivals
from sync.changes import News, Place, Writing
from sync.channels import Line
from sync.events import SessionEvent
from sync.followed import Followed
from sync.session_feed import SessionFeed
from sync.subscriber import Window
from sync.tasks import Jobs
from transports import Limits, PersistedDocuments, frames
from transports.documents import Documents
from transports.errors import unexplained
from transports.operations import Operations
from transports.requests import Request

SESSION, RUN, MESSAGE, USER = (UUID(int=number) for number in range(1, 5))
WINDOWS = 200
EVENTS = 20
"""Events of one round."""
FOLLOWS = b'{"type":"next","payload":{"data":{"session":{}}}}'
"""What a sink is told when a subscription follows."""
FIELDS = "{ __typename ... on TextDelta { runId messageId index offset text } ... on Reset { reason } }"

type Publish = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times better one side is, and the least that it must be."""

    name: str
    found: float
    least: float


class Still(SessionFeed):
    """A session without rows, in which one reply is being written."""

    @override
    async def read(self, place: Place) -> News | None:
        return News(1, 1, 1, writing={RUN: Writing(1, 0, MESSAGE)})

    @override
    async def _start(self) -> News | None:
        return News(1, 1, 1, writing={RUN: Writing(1, 0, MESSAGE)})


@dataclass(frozen=True, slots=True)
class Shared:
    """What the subscriptions of a round follow."""

    feed: Still | None
    queues: set[asyncio.Queue[event.TextDelta]]
    sink: "Sink"


@strawberry.type
class Query:
    ok: bool = True


async def _pushed(info: strawberry.Info[Shared, None]) -> AsyncGenerator[event.SessionEvent]:
    assert info.context.feed is not None
    return Followed(_window(info.context.feed), event.of_session)  # type: ignore[return-value]


async def _queued(info: strawberry.Info[Shared, None]) -> AsyncGenerator[event.SessionEvent]:
    queue: asyncio.Queue[event.TextDelta] = asyncio.Queue()
    info.context.queues.add(queue)
    info.context.sink.take(FOLLOWS)
    while True:
        yield await queue.get()


@strawberry.type
class Subscription:
    pushed: AsyncGenerator[event.SessionEvent] = strawberry.subscription(resolver=_pushed)
    queued: AsyncGenerator[event.SessionEvent] = strawberry.subscription(resolver=_queued)


@asynccontextmanager
async def _window(feed: Still) -> AsyncIterator[Window[SessionEvent]]:
    window = feed.join(USER, None)
    try:
        yield window
    finally:
        window.close()


class Sink:
    """Where the messages of all windows go."""

    def __init__(self) -> None:
        self.messages = 0
        self.news = asyncio.Event()

    def take(self, message: bytes) -> bool:
        """Takes one message."""
        assert message.endswith(b"}}}}")
        self.messages += 1
        self.news.set()
        return True

    async def until(self, messages: int) -> None:
        """Waits until so many have come."""
        while self.messages < messages:
            self.news.clear()
            await self.news.wait()


async def push(windows: int, rounds: int) -> float:
    """Microseconds of an event on its way to so many windows of Transom."""
    schema = strawberry.Schema(query=Query, subscription=Subscription, types=PARTS, config=CONFIG)
    documents = Documents(schema._schema, Limits())
    operations = Operations(schema, documents, PersistedDocuments(), timeout=30, event_id=None, explain=unexplained)
    bus, sink, line = Hub(), Sink(), Line.of(SESSION, RUN, MESSAGE)
    async with Database("postgresql://nobody@/nothing") as unused, Jobs() as jobs:
        feed = Still(unused, bus, SESSION, Arrivals(jobs))
        await feed.open()
        prefix = frames.next_prefix("1")

        async def follow() -> None:
            operation = operations.prepare(Request.of({"query": f"subscription {{ pushed {FIELDS} }}"}))
            async for result in operation.run(Shared(feed, set(), sink), lambda body: sink.take(prefix + body + b"}")):
                assert b"CaughtUp" in result.body
                sink.take(prefix + result.body + b"}")

        def publish(number: int) -> None:
            events = orjson.dumps([["a", 0, 25 * number, f"{number:025d}"]])
            channels.send(bus, line, 1, number, events)

        return await _timed(windows, rounds, follow, publish, sink)


async def execute(windows: int, rounds: int) -> float:
    """Microseconds of an event on its way to so many subscriptions as Strawberry has them."""
    schema = strawberry.Schema(query=Query, subscription=Subscription, types=PARTS, config=CONFIG)
    queues, sink = set[asyncio.Queue[event.TextDelta]](), Sink()

    async def follow() -> None:
        found: Any = await schema.subscribe(
            f"subscription {{ queued {FIELDS} }}", context_value=Shared(None, queues, sink)
        )
        async for result in found:
            sink.take(json.dumps({"id": "1", "type": "next", "payload": {"data": result.data}}).encode())

    def publish(number: int) -> None:
        run, message = identifier.of(RUN), identifier.of(MESSAGE)
        delta = event.TextDelta(run_id=run, message_id=message, index=0, offset=25 * number, text=f"{number:025d}")
        for queue in queues:
            queue.put_nowait(delta)

    return await _timed(windows, rounds, follow, publish, sink)


async def _timed(
    windows: int,
    rounds: int,
    follow: Callable[[], Any],
    publish: Publish,
    sink: Sink,
) -> float:
    """The median of some rounds; each window has said one thing when it follows."""
    tasks = [asyncio.create_task(follow()) for _ in range(windows)]
    await sink.until(windows)
    times, number = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(EVENTS):
            number += 1
            publish(number)
            await sink.until(windows * (number + 1))
        times.append(1e6 * (time.perf_counter() - began) / EVENTS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return statistics.median(times)


async def check(rounds: int) -> list[Ratio]:
    """The ratios, each of one run."""
    figures = await plan.measure("event", plan.events(), rounds, 0.05)
    ours, theirs = await push(WINDOWS, rounds), await execute(WINDOWS, rounds)
    first = await push(1, rounds)
    more = (ours - first) / (WINDOWS - 1)
    return [
        Ratio("an event by graphql-core / by its plan", figures.times, 20),
        Ratio(f"an event to {WINDOWS} windows, Strawberry / Transom", theirs / ours, 5),
        Ratio("an event to its first window / to one more", first / more, 3),
    ]


def main() -> None:
    """Prints the ratios; ends with status 1 if one of them is too small."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    ratios = asyncio.run(check(options.parse_args().rounds))
    results.show([{"what": each.name, "times": round(each.found, 1), "at least": each.least} for each in ratios])
    sys.exit(any(each.found < each.least for each in ratios))


if __name__ == "__main__":
    main()
