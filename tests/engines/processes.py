"""What the tests ask the operating system about engines, by the lock that each holds open as descriptor 3."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engines import Urls
from server.settings import Settings

ROOT = Path(__file__).parents[2]
ELSEWHERE = "http://127.0.0.1:9/v1"


def settings_of(folder: Path, *, model_url: str | None = ELSEWHERE) -> Settings:
    return Settings(data_dir=folder, database_url=None, redis_url=None, model_url=model_url)


def pids_of(folder: Path, name: str = "*") -> list[int]:
    """The processes of an engine of a folder, those it has forked included; its own first."""
    locks = {str(lock.resolve()) for lock in (folder / "locks").glob(name)}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            target = str((entry / "fd" / "3").readlink())
            flags = int((entry / "fdinfo" / "3").read_text().split()[3], 8)
        except OSError:
            continue
        if target in locks and not flags & os.O_CLOEXEC:
            found.append(int(entry.name))
    return sorted(found)


def main_pid(folder: Path, name: str) -> int:
    """The process id of an engine: the one whose parent is not of the engine."""
    pids = pids_of(folder, name)
    (main,) = [pid for pid in pids if parent_of(pid) not in pids]
    return main


def owners_of(pids: list[int]) -> set[int]:
    """The ids of the users whose processes these are."""
    return {Path(f"/proc/{pid}").stat().st_uid for pid in pids}


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def until(condition: Callable[[], bool], *, patience: float = 10) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def serve(folder: Path, *prefix: str) -> tuple[subprocess.Popen[str], Urls]:
    """A stand-in for a server, in a process group of its own, and the addresses it has printed."""
    server = subprocess.Popen(
        [*prefix, sys.executable, "-W", "error", "-m", "tests.engines.stand_in", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    assert server.stdout
    return server, Urls(**json.loads(server.stdout.readline()))


def bystander(folder: Path) -> subprocess.Popen[bytes]:
    """A program that has nothing to do with engines, of the user who owns a folder."""
    return subprocess.Popen(["sleep", "60"], close_fds=False, user=folder.stat().st_uid if os.geteuid() == 0 else None)


def leave(server: subprocess.Popen[str]) -> None:
    """Let a stand-in end as a server does that is told to."""
    server.communicate("")
    assert server.returncode == 0
