"""How many tokens does one process put on disk, how soon, and at what cost?

    .venv/bin/python -m bench.tokens --runs 1000 --rate 50 --seconds 10

Side by side, on the embedded PostgreSQL with synchronous commit: the journal writer, and what a hand-written backend
does, one UPDATE of the message for each token. All runs are paced; a side that cannot keep up shows it by what is not
on disk at the end. The latency is from the moment a token is handed over to the moment its commit has returned. What
counts begins after a second of the same load. The load is made in the process of the writer; what making it takes is
measured without a writer, and taken off the writer's processor time.

Then, of the journal alone: the most that it keeps up with, and what happens beyond (`bench.flood`).
"""

import argparse
import asyncio
import gc
import json
from dataclasses import asdict

from bench import flood, results, writing


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--rate", type=float, default=50)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    gc.collect()
    gc.freeze()
    found: dict[str, list[dict[str, float]]] = {side: [] for side in writing.SIDES}
    async with writing.prepared() as (url, pid):
        for _ in range(chosen.rounds):
            for side, figures in found.items():
                measured = asdict(await writing.measure(url, pid, side, chosen.runs, chosen.rate, chosen.seconds))
                print(json.dumps(measured), flush=True)
                figures.append({name: value for name, value in measured.items() if name != "side"})
        most = [await flood.most(url, pid, chosen.runs, chosen.rate) for _ in range(chosen.rounds)]
        beyond = [asdict(await flood.beyond(url, chosen.runs)) for _ in range(chosen.rounds)]
    rows = [
        {"side": side, **{name: results.spread([each[name] for each in figures], 2) for name in figures[0]}}
        for side, figures in found.items()
    ]
    results.keep("tokens", vars(chosen), rows)
    results.show(rows)
    rows = [
        {"runs": chosen.runs, "most tokens/s": results.spread([each.rate for each in most])}
        | {name: results.spread([each[name] for each in beyond], 1) for name in beyond[0]}
    ]
    results.keep("tokens-most", vars(chosen), rows)
    results.show(rows)


if __name__ == "__main__":
    asyncio.run(main())
