"""What every peer shares: it is told on its standard input what to publish, and answers on its standard output.

One JSON object a line, each with its `command`:

    prepare {sessions}               there are so many sessions; the answer has their `ids`
    publish {sessions, rate, count}  tells the windows of the first `sessions` the numbers from 1 to `count`,
                                     `rate` a second, spread evenly; the answer has when it began (`start`)

The text of a delta is its number and the moment when it was due, in microseconds of the machine's monotonic clock. So
lateness of the publisher counts as latency, on every side alike. The first line that a peer says has its `port`.
"""

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from bench.peers.listening import listen

MOST_AT_ONCE = 64
TICK = 1_000
"""Microseconds that a timer waits at least; uvloop takes less for nothing, and would spin."""
LEAD = 100_000
"""Microseconds between a command and the first number."""

type Command = Callable[..., Awaitable[dict[str, Any]]]
"""Does what a line asks for; its answer."""

type Publish = Callable[[int, int, int], Awaitable[None] | None]
"""Tells the windows of a session (by its place) a number and its stamp."""


def now() -> int:
    """Microseconds of the monotonic clock."""
    return time.monotonic_ns() // 1000


def text(number: int, stamp: int) -> str:
    """The text of a delta: 25 characters."""
    return f"{number:07d} {stamp:016d} "


def id_of(place: int) -> str:
    """The id of a session of a peer."""
    return f"00000000-0000-4000-8000-{place:012d}"


async def until(due: float) -> None:
    """Returns at a moment of `now`, or soon after it: a timer alone may ring up to a millisecond too early."""
    while (ahead := due - now()) > 0:  # noqa: ASYNC110  (a clock does not ring)
        await asyncio.sleep(max(ahead, TICK) / 1e6)


async def paced(sessions: int, rate: float, count: int, publish: Publish) -> dict[str, int]:
    """Publishes, each number at its moment, or as soon after it as this process comes to it."""
    start, gap, every = now() + LEAD, 1e6 / (rate * sessions), sessions * count
    said = 0
    while said < every:
        ahead = start + said * gap - now()
        await asyncio.sleep(max(ahead, TICK) / 1e6 if ahead > 0 else 0)
        most = MOST_AT_ONCE
        while most and said < every and start + said * gap <= now():
            told = publish(said % sessions, said // sessions + 1, round(start + said * gap))
            if told is not None:
                await told
            said += 1
            most -= 1
    return {"start": start, "end": now()}


def say(**answer: Any) -> None:
    """Answers a command."""
    print(json.dumps(answer), flush=True)


async def obey(commands: dict[str, Command]) -> None:
    """Serves commands until the standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        options = json.loads(line)
        try:
            say(**await commands[options.pop("command")](**options))
        except Exception:
            traceback.print_exc()
            os._exit(1)  # whatever runs here besides, there is nothing left to measure


def serve(app: Any, publish: Publish, **options: Any) -> None:
    """Serves an ASGI application with uvicorn as it comes, but for these options, until the standard input ends."""
    config = uvicorn.Config(app, log_level="warning", lifespan="off", **options)
    server = uvicorn.Server(config)

    async def prepare(sessions: int) -> dict[str, Any]:
        return {"ids": [id_of(place) for place in range(sessions)]}

    async def tell(sessions: int, rate: float, count: int) -> dict[str, Any]:
        return await paced(sessions, rate, count, publish)

    async def main() -> None:
        listening = listen()
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        say(port=listening.getsockname()[1])
        await obey({"prepare": prepare, "publish": tell})
        server.should_exit = server.force_exit = True
        await serving

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(main())
