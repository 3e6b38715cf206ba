"""How long after `transom serve` is the first answer there?

    .venv/bin/python -m bench.start --rounds 5

The whole of it: the embedded PostgreSQL and Valkey, migrations, the server, and a query that reads. `first` makes the
database; `second` finds it there, as on every other day. The embedded language model is left out: it loads while
everything else answers already.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench import machine, results

TRANSOM = Path(sys.executable).with_name("transom")
QUERY = b'{"query": "{ sessions(first: 1) { totalCount } }"}'
PORT = 8123
LONGEST = 60.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    machine.end_in_order()
    found: dict[str, list[float]] = {"first": [], "second": []}
    for _ in range(chosen.rounds):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for start, times in found.items():
                times.append(seconds(Path(folder)))
                print(f"{start}: {times[-1]:.2f} s", flush=True)
    rows = [{"start": start, "seconds": results.spread(times, 2)} for start, times in found.items()]
    results.keep("start", vars(chosen), rows)
    results.show(rows)


def seconds(folder: Path) -> float:
    """From the start of the process to the answer; the process has ended when this returns."""
    began = time.perf_counter()
    process = subprocess.Popen(
        machine.on(None, [str(TRANSOM), "serve", "--port", str(PORT)], ends_by="TERM"),
        env=os.environ
        | {"TRANSOM_DATA_DIR": str(folder), "TRANSOM_MODEL_URL": "scripted:", "TRANSOM_LOG_LEVEL": "error"},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not answers():
            if process.poll() is not None or time.perf_counter() - began > LONGEST:
                raise SystemExit("The server does not answer.")
            time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def answers() -> bool:
    """Whether a query is answered."""
    asked = urllib.request.Request(f"http://127.0.0.1:{PORT}/graphql", QUERY, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=1) as answer:
            return b'"totalCount":0' in answer.read()
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main()
