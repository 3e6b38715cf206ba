"""How long is it from publishing to a window, at half of the load that a server can do?

    .venv/bin/python -m bench.latency --rounds 5 --seconds 5

The load is half of what `bench.fanout` has found for each server with 2 windows a session (`--load` is for all, in
deliveries a second). Transom is there once more with its windows at another process than the one that produces, both on
the server's core: a delta then goes through the journal and Redis. The latency of the whole path begins when the model
says a token.
"""

import argparse
from dataclasses import replace

from bench import contenders, machine, results
from bench.contenders import CEILINGS, DELIVERY, PEERS, PROVIDED, WHOLE, WINDOWS, Contender
from bench.trial import TWO, Attempt, trial


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--load", type=float, help="deliveries a second, for all")
    options.add_argument("--only", help="names of contenders, or words in them, separated by commas")
    chosen = options.parse_args()
    machine.settle()
    with contenders.transom() as ours:
        apart = replace(ours[WHOLE], name=WINDOWS)
        everybody = [ours[WHOLE], ours[PROVIDED], apart, ours[DELIVERY], *PEERS, *CEILINGS]
        sides = contenders.present(contenders.chosen(everybody, chosen.only))
        loads = {side.name: chosen.load or half(side.name) for side in sides}
        found: dict[str, list[Attempt]] = {side.name: [] for side in sides}
        for number in range(chosen.rounds):
            for side in sides:
                at = ours[WINDOWS] if side is apart else None
                attempt = once(side, loads[side.name], chosen.seconds, at)
                found[side.name].append(attempt)
                print(f"round {number + 1}, {side.name}: {attempt}", flush=True)
    rows = [_row(name, attempts) for name, attempts in found.items()]
    results.keep("latency", vars(chosen), rows)
    results.show(rows)


def half(name: str) -> float:
    """Half of the load that was found for a contender."""
    found = results.last("fanout-2") or {"rows": []}
    name = WHOLE if name == WINDOWS else name
    for row in found["rows"]:
        if row["server"] == name:
            return float(row["deliveries/s"]["median"]) / 2
    raise SystemExit(f"Nothing is known about {name}: run `python -m bench.fanout` first, or name a --load.")


def once(side: Contender, load: float, seconds: float, windows_at: Contender | None) -> Attempt:
    """One load on a fresh server."""
    with trial(side, TWO, windows_at=windows_at) as running:
        return running.at(load, seconds)


def _row(name: str, attempts: list[Attempt]) -> results.Row:
    whole = [each for each in attempts if each.reason in (None, "late")]
    return {
        "server": name,
        "deliveries/s": attempts[0].load,
        "p50 ms": results.spread([each.p50_ms for each in whole]) if whole else None,
        "p99 ms": results.spread([each.p99_ms for each in whole]) if whole else None,
        "server core": results.spread([each.server for each in whole], 2) if whole else None,
        "failed": len(attempts) - len(whole),
    }


if __name__ == "__main__":
    main()
