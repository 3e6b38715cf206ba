"""Does memory stay flat while replies stream for minutes?

    .venv/bin/python -m bench.soak --minutes 10 --sessions 100

One reply after the other in each session, of 20 seconds at 50 tokens a second, with 2 windows, on the whole path. After
each, the session is cleared: while a model writes, the server holds what it was told, which would be ever more. The
server's memory (RSS) is looked at every two seconds. Flat means that it grows by less than 5 % after the first minute.
"""

import argparse
import time

from bench import contenders, machine, results
from bench.contenders import WHOLE
from bench.trial import TWO, trial

REPLY = 20.0
LOOK = 2.0
WARM = 60.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--sessions", type=int, default=100)
    chosen = options.parse_args()
    machine.settle()
    seen: list[tuple[float, float]] = []
    with contenders.transom() as ours, trial(ours[WHOLE], TWO) as running:
        began = time.monotonic()
        pump = running.crowd.pump

        def pump_and_look(seconds: float) -> None:
            pump(seconds)
            after = time.monotonic() - began
            if not seen or after >= seen[-1][0] + LOOK:
                seen.append((round(after, 1), round(running.server.resident_bytes / 1e6, 1)))

        running.crowd.pump = pump_and_look  # type: ignore[method-assign]
        deliveries, late = 0, 0.0
        while time.monotonic() < began + 60 * chosen.minutes:
            attempt = running.at(chosen.sessions * TWO.windows * (TWO.rate or 1), REPLY)
            if attempt.reason not in (None, "late"):
                raise SystemExit(f"It broke: {attempt.reason}")
            deliveries += running.crowd.deliveries
            late = max(late, attempt.p99_ms)
            running.server.tell("clear", sessions=chosen.sessions)
            running.server.awaited(running.crowd.pump)
            print(f"{seen[-1][0]:.0f} s: {seen[-1][1]} MB, p99 {attempt.p99_ms} ms", flush=True)
    settled = [megabytes for after, megabytes in seen if after >= min(WARM, seen[-1][0] / 2)]
    row = {
        "minutes": chosen.minutes,
        "deliveries": deliveries,
        "worst p99 ms": late,
        "MB after the first minute": settled[0],
        "MB at the end": settled[-1],
        "most MB": max(settled),
        "growth %": round(100 * (max(settled) / settled[0] - 1), 1),
    }
    results.keep("soak", vars(chosen), [{**row, "seen": seen}])
    results.show([row])


if __name__ == "__main__":
    main()
