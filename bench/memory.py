"""How much memory does a window take that waits?

    .venv/bin/python -m bench.memory --windows 2000 --rounds 3

The growth of the server's memory (RSS) from a few windows that have been told something to so many more, two for each
session: each on a socket of its own, and 50 subscriptions on each socket.
"""

import argparse
import time
from collections.abc import Callable

from bench import contenders, machine, results
from bench.contenders import CEILINGS, DELIVERY, PEERS, Contender
from bench.trial import TWO, trial

FIRST = 20
"""Sessions with windows before anything is measured, so that what everybody shares is there."""
SETTLE = 2.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--windows", type=int, default=2_000)
    options.add_argument("--only", help="names of contenders, or words in them, separated by commas")
    chosen = options.parse_args()
    machine.settle()
    found: dict[tuple[str, int], list[float]] = {}
    with contenders.transom() as ours:
        sides = contenders.present(contenders.chosen([ours[DELIVERY], *PEERS, CEILINGS[0]], chosen.only))
        for _ in range(chosen.rounds):
            for side in sides:
                for each in (1, 50):
                    if each == 1 or side is not CEILINGS[0]:
                        kilobytes = idle(side, chosen.windows, each)
                        found.setdefault((side.name, each), []).append(kilobytes)
                        print(f"{side.name}, {each} on a socket: {kilobytes:.1f} kB", flush=True)
    rows = [
        {"server": name, "subscriptions on a socket": each, "kB per window": results.spread(kilobytes)}
        for (name, each), kilobytes in found.items()
    ]
    results.keep("memory", vars(chosen), rows)
    results.show(rows)


def idle(side: Contender, windows: int, each: int) -> float:
    """Kilobytes (1,000 bytes) for each window."""
    with trial(side, TWO) as running:
        running.open(FIRST)
        sessions = FIRST + windows // 2
        running.publisher.tell("prepare", sessions=sessions)
        ids = running.publisher.awaited(running.crowd.pump)["ids"][FIRST:]
        asked = [id_ for id_ in ids for _ in range(2)]
        _wait(running.crowd.pump)
        before = running.server.resident_bytes
        running.crowd.open([asked[place : place + each] for place in range(0, len(asked), each)])
        _wait(running.crowd.pump)
        return (running.server.resident_bytes - before) / len(asked) / 1000


def _wait(pump: Callable[[float], None]) -> None:
    end = time.monotonic() + SETTLE
    while time.monotonic() < end:
        pump(0.05)


if __name__ == "__main__":
    main()
