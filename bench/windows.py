"""Does a delivery get slower or dearer when more windows are open that are told nothing?

    .venv/bin/python -m bench.windows --rounds 3

Windows that wait are added, from hundreds to ten thousand, while the same few sessions of 50 deltas a second, with two
windows each, are told the same.
"""

import argparse

from bench import contenders, machine, results
from bench.contenders import CEILINGS, DELIVERY, PEERS, WHOLE, Contender
from bench.trial import TWO, Attempt, Trial, trial

STEPS = (100, 1_000, 10_000)
"""Windows that are open in all."""
LOAD = 3_000.0
"""Deliveries a second: half of what the slowest does."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--only", help="names of contenders, or words in them, separated by commas")
    chosen = options.parse_args()
    machine.settle()
    found: dict[tuple[str, int], list[Attempt]] = {}
    with contenders.transom() as ours:
        sides = contenders.present(contenders.chosen([ours[WHOLE], ours[DELIVERY], *PEERS, *CEILINGS], chosen.only))
        for number in range(chosen.rounds):
            for side in sides:
                for windows, attempt in growing(side, chosen.seconds).items():
                    found.setdefault((side.name, windows), []).append(attempt)
                    print(f"round {number + 1}, {side.name}, {windows:,} windows: {attempt}", flush=True)
    rows = [_row(name, windows, attempts) for (name, windows), attempts in found.items()]
    results.keep("windows", vars(chosen), rows)
    results.show(rows)


def growing(side: Contender, seconds: float) -> dict[int, Attempt]:
    """The same load on one server, with ever more windows."""
    with trial(side, TWO) as running:
        told = running.shape.of(LOAD)[0]
        running.open(told)
        attempts = {}
        for windows in STEPS:
            wait(running, told, windows)
            attempts[windows] = running.at(LOAD, seconds)
        return attempts


def wait(running: Trial, told: int, windows: int) -> None:
    """Opens windows of sessions that are told nothing until there are so many in all."""
    more = windows - len(running.crowd.windows)
    running.publisher.tell("prepare", sessions=told + windows // 2)
    ids = running.publisher.awaited(running.crowd.pump)["ids"][-(more // 2) :]
    running.crowd.open([[id_] for id_ in ids for _ in range(2)])


def _row(name: str, windows: int, attempts: list[Attempt]) -> results.Row:
    whole = [each for each in attempts if each.reason in (None, "late")]
    return {
        "server": name,
        "windows": windows,
        "p50 ms": results.spread([each.p50_ms for each in whole]) if whole else None,
        "p99 ms": results.spread([each.p99_ms for each in whole]) if whole else None,
        "server µs each": results.spread([each.cost_us for each in whole]) if whole else None,
        "failed": len(attempts) - len(whole),
    }


if __name__ == "__main__":
    main()
