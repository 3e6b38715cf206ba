"""A server under test: a process of its own, on a core of its own, that does as it is told (`bench.peers.control`)."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench import machine

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"


class Failed(Exception):
    """A server under test has ended, or is deaf."""


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._out = process.stdout
        assert self._out is not None
        os.set_blocking(self._out.fileno(), False)
        self._read = b""
        self.port = 0

    @property
    def processor_seconds(self) -> float:
        """The processor time that it has used."""
        return machine.processor_seconds(self.process.pid)

    @property
    def resident_bytes(self) -> int:
        """Its memory (RSS)."""
        return machine.resident_bytes(self.process.pid)

    def tell(self, command: str, **options: object) -> None:
        """Gives a command; `answer` has its answer later."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"command": command, **options}).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any] | None:
        """The answer to a command, if there is one yet.

        Raises:
            Failed: the server has ended.
        """
        if b"\n" not in self._read:
            assert self._out is not None
            self._read += self._out.read() or b""
        if b"\n" not in self._read:
            if self.process.poll() is not None:
                raise Failed(f"{self.process.args!r} ended with status {self.process.returncode}")
            return None
        line, _, self._read = self._read.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def awaited(self, meanwhile: Callable[[float], None] = time.sleep, seconds: float = 120) -> dict[str, Any]:
        """The answer, as soon as it is there; `meanwhile` is called again and again, with how long it may take.

        Raises:
            Failed: the server has ended, or does not answer.
        """
        end = time.monotonic() + seconds
        while (found := self.answer()) is None:
            if time.monotonic() > end:
                raise Failed(f"{self.process.args!r} does not answer")
            meanwhile(0.01)
        return found


@contextmanager
def serving(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, core: int | None = machine.SERVER
) -> Iterator[Served]:
    """Starts a server on a core (None: anywhere), and ends it."""
    process = subprocess.Popen(
        machine.on(core, command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | (environment or {}),
    )
    served = Served(process)
    try:
        served.port = served.awaited(seconds=60)["port"]
        yield served
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    pipes: list[IO[bytes] | None] = [process.stdin, process.stdout]
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in pipes:
        if pipe is not None:
            pipe.close()


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the project."""
    return [sys.executable, "-m", module, *arguments]


def node(script: str, *arguments: str) -> list[str]:
    """The command that runs a peer on Node."""
    return ["node", str(PEERS / script), *arguments]
