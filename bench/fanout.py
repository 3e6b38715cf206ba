"""How many deliveries a second does one core of a server do, over graphql-transport-ws, in time?

    .venv/bin/python -m bench.fanout --rounds 5 --seconds 3
    .venv/bin/python -m bench.fanout --shapes 2 --only transom,mercurius

In time: 99 of 100 within 100 ms of the moment when they were due, and each window gets every number once and in order.
Three shapes: many sessions of 50 deltas a second with 2 windows each (what people do) or 20, and one session with 1,000
windows whose rate grows. The server is alone on one core, the load generator and Transom's engines on another.

Transom is there three times. *The whole path* is a model, the journal with its commits, the bus, and the windows; once
more with the model behind HTTP, in another process, as models are. The peers
publish from a timer in their own process and store nothing; *delivery alone* is Transom at that. The ceilings send
bytes that are ready, without GraphQL; the last one is also what the load generator itself can take.
"""

import argparse
from dataclasses import asdict

from bench import contenders, machine, results
from bench.contenders import CEILINGS, DELIVERY, PEERS, PROVIDED, WHOLE, Contender
from bench.search import highest
from bench.trial import THOUSAND, TWENTY, TWO, Attempt, Shape

SHAPES = {"2": TWO, "20": TWENTY, "1000": THOUSAND}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--shapes", default="2,20,1000")
    options.add_argument("--only", help="names of contenders, or words in them, separated by commas")
    chosen = options.parse_args()
    machine.settle()
    with contenders.transom() as ours:
        everybody = [ours[WHOLE], ours[PROVIDED], ours[DELIVERY], *PEERS, *CEILINGS]
        sides = contenders.present(contenders.chosen(everybody, chosen.only))
        for name in chosen.shapes.split(","):
            rows = measure(SHAPES[name], sides, chosen.rounds, chosen.seconds)
            results.keep(f"fanout-{name}", {**vars(chosen), "shapes": name}, rows)
            results.show(rows)


def measure(shape: Shape, sides: list[Contender], rounds: int, seconds: float) -> list[results.Row]:
    """All sides of a shape, in turn, round after round."""
    found: dict[str, list[Attempt]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            so_far = found[side.name]
            guess = max((attempt.load for attempt in so_far), default=side.guess)
            best = highest(side, shape, max(guess, side.guess / 4), seconds)
            so_far.append(best)
            print(f"{shape.name}, round {number + 1}, {side.name}: {asdict(best)}", flush=True)
    return [_row(shape, name, best) for name, best in found.items()]


def _row(shape: Shape, name: str, best: list[Attempt]) -> results.Row:
    return {
        "shape": shape.name,
        "server": name,
        "deliveries/s": results.spread([each.load for each in best], 0),
        "p50 ms": results.spread([each.p50_ms for each in best]),
        "p99 ms": results.spread([each.p99_ms for each in best]),
        "server µs each": results.spread([each.cost_us for each in best]),
        "server core": results.spread([each.server for each in best], 2),
        "generator core": results.spread([each.generator for each in best], 2),
    }


if __name__ == "__main__":
    main()
