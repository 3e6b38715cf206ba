"""What happens when a thousand windows come at once, as after a restart, while others follow replies?

    .venv/bin/python -m bench.attach --windows 1000 --rounds 5

500 sessions with 50 messages each; two windows for each, on a socket of their own, connect and subscribe at the same
moment, and have caught up when they are told so. Meanwhile the windows of other sessions follow 50 deltas a second
each, on the whole path; what is measured of them is how late the deltas come.
"""

import argparse
import time

from bench import contenders, machine, results
from bench.contenders import WHOLE, Contender
from bench.crowd import DOCUMENT, Crowd
from bench.served import serving

STREAMING = 40
"""Sessions that others follow meanwhile, with 2 windows each."""
RATE = 50
LONGEST = 60.0

WHOLES = DOCUMENT.replace(
    "... on Reset",
    "... on MessageChanged { cursor message { id role status content parts { __typename index"
    " ... on TextPart { text } } } } ... on CaughtUp { cursor } ... on Reset",
)
"""What a window of a chat asks for."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--windows", type=int, default=1_000)
    options.add_argument("--history", type=int, default=50)
    chosen = options.parse_args()
    machine.settle()
    found = []
    with contenders.transom() as ours:
        for number in range(chosen.rounds):
            found.append(storm(ours[WHOLE], chosen.windows, chosen.history))
            print(f"round {number + 1}: {found[-1]}", flush=True)
    rows = [{"windows": chosen.windows, **{name: results.spread([each[name] for each in found]) for name in found[0]}}]
    results.keep("attach", vars(chosen), rows)
    results.show(rows)


def storm(contender: Contender, windows: int, history: int) -> dict[str, float]:
    """One storm on a fresh server."""
    with serving(contender.command, contender.environment) as server:
        sessions = windows // 2
        server.tell("prepare", sessions=STREAMING)
        streamed = server.awaited()["ids"]
        server.tell("prepare", sessions=STREAMING + sessions, history=history)
        stormed = server.awaited()["ids"][STREAMING:]
        others = Crowd(server.port, tells=True)
        others.open([[id_] for id_ in streamed for _ in range(2)])
        count = int(RATE * LONGEST)
        others.begin(first=RATE)
        publication = {"sessions": STREAMING, "rate": RATE, "count": count}
        server.tell("summon", **publication)
        server.awaited(others.pump)
        server.tell("publish", **publication)
        others.until(lambda: all(window.last > RATE for window in others.windows), LONGEST)
        calm = others.percentile(0.99)
        first = max(window.last for window in others.windows)
        others.latencies = type(others.latencies)("Q", bytes(8 * len(others.latencies)))
        others.first = first
        crowd = Crowd(server.port, WHOLES, tells=True)
        began = time.monotonic()
        crowd.come([[id_] for id_ in stormed for _ in range(2)])
        while crowd.opened < windows:
            crowd.pump(0)
            others.pump(0.001)
            if time.monotonic() > began + LONGEST:
                raise TimeoutError(f"{crowd.opened} of {windows} windows have caught up.")
        took = time.monotonic() - began
        late = others.percentile(0.99)
        crowd.close()
        others.close()
    return {"caught up s": took, "others' p99 before ms": calm, "others' p99 meanwhile ms": late}


if __name__ == "__main__":
    main()
