"""Whatever ends a benchmark ends all that it has started: servers, engines and their children."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.engines.processes import ROOT, until

COMMAND = ["bench.fanout", "--rounds", "100", "--shapes", "2", "--only", "whole path"]
STARTED = {"postgres", "valkey-server", "bench.peers.transom", "guard.py"}


def descendants(of: int) -> list[psutil.Process]:
    """All that a process has started, and what that has."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(of).children(recursive=True)
    return []


def words(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[psutil.Process]]]:
    """A benchmark at work, and all of its processes."""
    benchmark = subprocess.Popen(
        [sys.executable, "-m", *COMMAND],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    found: list[psutil.Process] = []

    def complete() -> bool:
        assert benchmark.poll() is None
        found[:] = descendants(benchmark.pid)
        said = " ".join(map(words, found))
        return all(name in said for name in STARTED)

    until(complete, patience=60)
    yield benchmark, found
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_no_process_of_a_benchmark_outlives_it(
    started: tuple[subprocess.Popen[bytes], list[psutil.Process]], tmp_path: Path, number: signal.Signals
) -> None:
    benchmark, processes = started
    benchmark.send_signal(number)
    assert benchmark.wait(60) != 0
    until(lambda: all(map(is_gone, processes)), patience=60)
    if number is not signal.SIGKILL:
        assert list(tmp_path.iterdir()) == [], "and nothing stays in its folder"
