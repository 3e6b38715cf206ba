"""The machine: which core is whose, and what a process uses."""

import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER, LOAD = CORES[0], CORES[-1]
"""The core of the server under test, and that of the load generator and the engines."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def settle() -> None:
    """Puts this process, and what it starts from now on, on the core of the load; and lets it have many sockets.

    SIGTERM and SIGHUP end it as Ctrl-C does from here on: with everything that it has started.
    """
    end_in_order()
    os.sched_setaffinity(0, {LOAD})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end_in_order() -> None:
    """Has SIGTERM and SIGHUP end this process as Ctrl-C does: with everything that it has started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def on(core: int | None, command: Sequence[str], *, ends_by: str = "KILL") -> list[str]:
    """The command, kept on one core with all its threads and children; None leaves it where it is.

    However this process dies, the command gets the signal `ends_by` then.
    """
    mortal = ["setpriv", "--pdeathsig", ends_by, *command]
    return mortal if core is None else ["taskset", "--cpu-list", str(core), *mortal]


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def tree_seconds(pid: int) -> dict[str, float]:
    """The processor time of a process and of all that it has started, ended or not, by the names of the programs."""
    of: dict[int, list[tuple[int, str, float]]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            before, _, after = (entry / "stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = after.split()
        found = (int(entry.name), before.partition("(")[2], sum(map(int, fields[11:15])) / _TICKS)
        of.setdefault(int(fields[1]), []).append(found)
        if found[0] == pid:
            of[-1] = [found]
    total: dict[str, float] = {}
    left = list(of[-1])
    while left:
        each, name, used = left.pop()
        total[name] = total.get(name, 0) + used
        left += of.get(each, ())
    return total


def resident_bytes(pid: int) -> int:
    """The memory of a process that is in the machine's (RSS)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def description() -> dict[str, object]:
    """What the results were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "cores": len(CORES),
        "processor": model,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load_average": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }
