"""What does a token cost that a model behind HTTP says, until a person's window shows it?

    .venv/bin/python -m bench.tokens_http --rounds 3 --seconds 10

Two whole products, which take turns: `transom serve` with its embedded PostgreSQL and Valkey, where a token is on disk
before it is shown, and Open WebUI with its SQLite, which saves a reply when it is over. 20 people have a chat and a
window each, and all get a reply of 50 tokens a second at the same time, from a provider on loopback. Each product has
one core with all that it starts; the provider and the windows have the other one.

Counted are the processor seconds of all its processes, from the first token to the last one (*streaming*), and from
before the messages are sent until the replies have been over for half a second (*whole*); and how long a token takes
from the provider to the window. Every window must get every token once and in order.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import uvloop

from bench import machine, results
from bench.chats import asking, installing, providing
from bench.chats.open_webui import open_webui
from bench.chats.providing import Providing
from bench.chats.sides import Side, Start
from bench.chats.transom import transom
from bench.peers import control

TRANSOM, OPEN_WEBUI = "Transom", f"Open WebUI {installing.version()}"
SIDES: dict[str, Start] = {TRANSOM: transom, OPEN_WEBUI: open_webui}
WARM = 3
"""Short replies in each chat before it is measured."""
REST = 0.5
"""Seconds after the last reply's end that still count."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. Processor seconds are for a thousand tokens."""

    streaming: float
    streaming_engines: float
    whole: float
    whole_engines: float
    p50_ms: float
    p99_ms: float
    core: float
    """Share of the core that all of it used while it streamed."""
    load: float


async def once(side: Side, provider: Providing, rate: float, seconds: float) -> Round:
    """All people get a reply. Raises where a window misses a token, or hears of one twice."""
    people, count = len(side.heard), round(rate * seconds)
    await provider.tell("expect", sessions=people, rate=rate, count=count, said=True)
    for heard in side.heard:
        heard.begin()
    before = side.used()
    await asking.all_of(side, *(side.send(place) for place in range(people)))
    await asking.all_of(side, *(heard.until(0) for heard in side.heard))
    await asyncio.sleep(REST)
    begun, at = side.used(), time.monotonic()
    await provider.tell("begin", start=control.now() + control.LEAD)
    await asking.all_of(side, *(heard.until(count) for heard in side.heard))
    ended, took = side.used(), time.monotonic() - at
    await asking.all_of(side, *(heard.until(count, over=True) for heard in side.heard))
    await asyncio.sleep(REST)
    after = side.used()
    thousands = people * count / 1000
    late = sorted(each for heard in side.heard for each in heard.latencies)
    return Round(
        streaming=(ended[0] - begun[0]) / thousands,
        streaming_engines=(ended[1] - begun[1]) / thousands,
        whole=(after[0] - before[0]) / thousands,
        whole_engines=(after[1] - before[1]) / thousands,
        p50_ms=late[len(late) // 2] / 1000,
        p99_ms=late[int(0.99 * (len(late) - 1))] / 1000,
        core=(sum(ended) - sum(begun)) / took,
        load=os.getloadavg()[0],
    )


async def run(chosen: argparse.Namespace) -> dict[str, list[Round]]:
    """All rounds."""
    found: dict[str, list[Round]] = {name: [] for name in SIDES}
    async with AsyncExitStack() as stack:
        sides = {}
        for name, start in SIDES.items():
            provider = stack.enter_context(providing.provider())
            side = await stack.enter_async_context(start(provider.port, chosen.people))
            await asking.short(side, provider, WARM)
            sides[name] = side, provider
        for number in range(chosen.rounds):
            for name, (side, provider) in sides.items():
                measured = await once(side, provider, chosen.rate, chosen.seconds)
                found[name].append(measured)
                print(f"round {number + 1}, {name}: {measured}", flush=True)
    return found


def rows(found: dict[str, list[Round]]) -> list[results.Row]:
    """A row for each side, and their ratio; the ratio is of the medians of the servers, and of all processes."""

    def spread(name: str, figures: Sequence[float], digits: int = 3) -> dict[str, dict[str, float]]:
        return {name: results.spread(figures, digits)}

    table: list[results.Row] = [
        {"server": name}
        | spread("streaming s", [each.streaming for each in rounds])
        | spread("engines s", [each.streaming_engines for each in rounds])
        | spread("whole s", [each.whole for each in rounds])
        | spread("whole engines s", [each.whole_engines for each in rounds])
        | spread("p50 ms", [each.p50_ms for each in rounds], 1)
        | spread("p99 ms", [each.p99_ms for each in rounds], 1)
        | spread("core", [each.core for each in rounds], 2)
        for name, rounds in found.items()
    ]
    ours, theirs = found[TRANSOM], found[OPEN_WEBUI]
    pairs = list(zip(ours, theirs, strict=True))
    table.append(
        {"server": "Transom ÷ Open WebUI, servers"}
        | spread("streaming s", [one.streaming / other.streaming for one, other in pairs], 2)
        | spread("whole s", [one.whole / other.whole for one, other in pairs], 2)
    )
    table.append(
        {"server": "the same, with engines"}
        | spread("streaming s", [(a.streaming + a.streaming_engines) / b.streaming for a, b in pairs], 2)
        | spread("whole s", [(a.whole + a.whole_engines) / b.whole for a, b in pairs], 2)
    )
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--people", type=int, default=20)
    options.add_argument("--rate", type=float, default=50.0)
    chosen = options.parse_args()
    installing.open_webui()
    machine.settle()
    table = rows(uvloop.run(run(chosen)))
    results.keep("tokens_http", vars(chosen), table)
    results.show(table)


if __name__ == "__main__":
    main()
