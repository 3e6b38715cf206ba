"""The machine: which core is whose, and what a process uses."""

import os
import platform
import resource
import time
from collections.abc import Sequence
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER, LOAD = CORES[0], CORES[-1]
"""The core of the server under test, and that of the load generator and the engines."""

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def settle() -> None:
    """Puts this process, and what it starts from now on, on the core of the load; and lets it have many sockets."""
    os.sched_setaffinity(0, {LOAD})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def on(core: int | None, command: Sequence[str]) -> list[str]:
    """The command, kept on one core with all its threads and children; None leaves it where it is."""
    if core is None:
        return list(command)
    return ["taskset", "--cpu-list", str(core), *command]


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


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
