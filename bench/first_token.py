"""How long after sending a message is the first token of its reply in the window?

    .venv/bin/python -m bench.first_token --rounds 3

The two products of `bench.tokens_http`, in the same way, with a provider that answers at once: one message while
nothing else happens, again and again, and all 20 people at the same moment. The time is from before a person's window
sends to the first token in it.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack

import uvloop

from bench import machine, results
from bench.chats import asking, installing, providing
from bench.chats.providing import Providing
from bench.chats.sides import Side
from bench.peers import control
from bench.tokens_http import SIDES, WARM

REST = 0.2
"""Seconds after a reply's end until the next message."""
COUNT, RATE = 25, 50.0
"""The tokens of a reply behind the first one, and how many come a second."""


async def alone(side: Side, provider: Providing, times: int) -> list[float]:
    """Milliseconds of messages that are sent one after the other, each in the next chat."""
    found = []
    for number in range(times):
        place = number % len(side.heard)
        found.append((await _first(side, provider, [place]))[0])
        await asyncio.sleep(REST)
    return found


async def together(side: Side, provider: Providing) -> list[float]:
    """Milliseconds of messages that all people send at the same moment, the shortest first."""
    found = sorted(await _first(side, provider, range(len(side.heard))))
    await asyncio.sleep(REST)
    return found


async def _first(side: Side, provider: Providing, places: "range | list[int]") -> list[float]:
    await provider.tell("expect", sessions=len(places), rate=RATE, count=COUNT, start=0, said=True)
    heard = [side.heard[place] for place in places]
    for each in heard:
        each.begin()

    async def send(place: int) -> int:
        began = control.now()
        await side.send(place)
        return began

    sending = [asyncio.ensure_future(send(place)) for place in places]
    await asking.all_of(side, *sending, *(each.until(COUNT, over=True) for each in heard))
    return [(each.first_at - began.result()) / 1000 for each, began in zip(heard, sending, strict=True)]


async def run(chosen: argparse.Namespace) -> list[results.Row]:
    """All rounds."""
    found: dict[str, dict[str, list[float]]] = {}
    async with AsyncExitStack() as stack:
        sides = {}
        for name, start in SIDES.items():
            if chosen.only and chosen.only.lower() not in name.lower():
                continue
            provider = stack.enter_context(providing.provider())
            side = await stack.enter_async_context(start(provider.port, chosen.people))
            await asking.short(side, provider, WARM)
            sides[name] = side, provider
        for number in range(chosen.rounds):
            for name, (side, provider) in sides.items():
                one = sorted(await alone(side, provider, chosen.times))
                every = await together(side, provider)
                figures = {
                    "alone, median ms": one[len(one) // 2],
                    "alone, worst ms": one[-1],
                    f"{chosen.people} at once, first ms": every[0],
                    f"{chosen.people} at once, median ms": every[len(every) // 2],
                    f"{chosen.people} at once, last ms": every[-1],
                }
                for what, figure in figures.items():
                    found.setdefault(name, {}).setdefault(what, []).append(figure)
                print(f"round {number + 1}, {name}: {_rounded(figures)}, load {os.getloadavg()[0]:.1f}", flush=True)
    return [
        {"server": name, **{what: results.spread(times) for what, times in figures.items()}}
        for name, figures in found.items()
    ]


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {what: round(figure, 1) for what, figure in figures.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--times", type=int, default=20, help="messages that are sent one after the other in a round")
    options.add_argument("--people", type=int, default=20)
    options.add_argument("--only", help="the products with this word in their names")
    chosen = options.parse_args()
    if not chosen.only:
        installing.open_webui()
    machine.settle()
    rows = uvloop.run(run(chosen))
    results.keep("first_token", vars(chosen), rows)
    results.show(rows)


if __name__ == "__main__":
    main()
