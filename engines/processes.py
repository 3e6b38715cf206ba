"""The process of an engine, told from all others by the lock it holds."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import Signals

from engines import folders, launch, locks
from engines.errors import EngineError

_TICK = 0.01
_ABOVE_LAUNCH = 64
_COMPLAINT = re.compile("FATAL|PANIC|could not|[Ee]rror|[Ff]ailed")
_ENVIRONMENT_OF_OTHERS = ("PG", "LC_", "LLAMA_", "GGML_")


class Process:
    """An engine's process: ours, one that an earlier server left behind, or none.

    It lives in a session of its own, so a Ctrl-C in the terminal does not reach it.
    """

    def __init__(self, name: str, *, lock: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self._lock = locks.open_lock(lock, least=_ABOVE_LAUNCH)
        self._child: int | None = None
        self._launched_at = 0

    def pid(self) -> int | None:
        """The id of the running process, or None.

        Raises:
            EngineError: it runs in another container, out of our reach.
        """
        self._reap()
        pid = locks.holder(self._lock)
        if pid == 0:
            raise EngineError(
                f"{self.name} of this data folder is running in another container. "
                "Stop that container, or set TRANSOM_DATA_DIR to another folder."
            )
        return pid

    def launch(self, command: Sequence[str], *, stdin: int | None = None) -> None:
        """Start a command as the engine and return when it has the lock, or has ended.

        `stdin` is a descriptor to hand over as standard input. Output goes to the log.
        """
        folders.rotate(self.log)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(_ENVIRONMENT_OF_OTHERS)}
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._launched_at = os.fstat(log).st_size
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        moves = {0: null if stdin is None else stdin, 1: log, 2: log, launch.LOCK: self._lock}
        try:
            self._child = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", launch.__file__, *command],
                environment | {"LC_ALL": "C"},
                file_actions=[(os.POSIX_SPAWN_DUP2, source, target) for target, source in moves.items()],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
            )
        finally:
            os.close(log)
            os.close(null)
        wait(lambda: self.pid() is not None or self._child is None, patience=10)

    def last_words(self) -> str:
        """What the process last complained of since it was launched, or the last line it logged."""
        with self.log.open("rb") as log:
            log.seek(self._launched_at)
            lines = log.read().decode(errors="replace").splitlines() or ["none"]
        return next((line for line in reversed(lines) if _COMPLAINT.search(line)), lines[-1])

    def end(self, *steps: tuple[Signals, float]) -> None:
        """Send each signal in turn and wait its seconds for the process to be gone; then kill it.

        What it left behind is ended too.
        """
        for number, patience in (*steps, (Signals.SIGKILL, 5)):
            self._send(number)
            if wait(lambda: self.pid() is None, patience=patience):
                break
        self.end_orphans()

    def end_orphans(self) -> None:
        """Kill what a dead engine has forked and left behind (on Linux; elsewhere that ends by itself).

        Raises:
            RuntimeError: the engine itself is running.
        """
        if self.pid() is not None:
            raise RuntimeError(f"{self.name} is running")
        for pid in self._orphans():
            with _handle(pid) as send:
                if send and self._is_descendant(pid):
                    send(Signals.SIGKILL)
        wait(lambda: not self._orphans(), patience=5)

    def close(self) -> None:
        """Let go of the process, which runs on."""
        os.close(self._lock)

    def _send(self, number: Signals) -> None:
        pid = self.pid()
        if pid is None:
            return
        with _handle(pid) as send:
            if send and self.pid() == pid:
                send(number)

    def _orphans(self) -> list[int]:
        if sys.platform != "linux":
            return []
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        return [pid for pid in pids if self._is_descendant(pid)]

    def _is_descendant(self, pid: int) -> bool:
        try:
            found = Path(f"/proc/{pid}/fd/{launch.LOCK}").stat()
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(self._lock))

    def _reap(self) -> None:
        if self._child is None:
            return
        try:
            done, status = os.waitpid(self._child, os.WNOHANG)
        except ChildProcessError:
            self._child = None
            return
        if done:
            self._child = None
            self._note(os.waitstatus_to_exitcode(status))

    def _note(self, code: int) -> None:
        how = f"by {Signals(-code).name}" if code < 0 else f"with exit code {code}"
        if code == -Signals.SIGILL:
            how += ": it needs instructions that this processor does not have"
        with suppress(OSError), self.log.open("a") as log:
            log.write(f"{time.strftime('%F %T')} {self.name} ended {how}\n")


def wait(condition: Callable[[], bool], *, patience: float) -> bool:
    """Wait up to `patience` seconds for a condition; whether it came."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(_TICK)
    return True


@contextmanager
def _handle(pid: int) -> Iterator[Callable[[Signals], None] | None]:
    """A way to signal a process that cannot hit a later one of the same id (on Linux); None if it is gone."""
    if sys.platform != "linux":
        yield lambda number: os.kill(pid, number)
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        with suppress(ProcessLookupError):
            yield lambda number: signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)
