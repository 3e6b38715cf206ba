"""Locks that the kernel lets go of when their holder dies, so that none is ever stale.

Two kinds with two uses. `flock` belongs to an open file: servers take turns and share a folder with it. A record lock
belongs to a process, survives `exec`, is not inherited by `fork`, and the kernel names its holder: an engine holds one
for life, so its process id is never read from a file that may lie.
"""

import fcntl
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.errors import Busy

# struct flock of fcntl(2), for 64-bit Linux and macOS.
_RECORD = "@hhqqi4x" if sys.platform == "linux" else "@qqihh"


def open_lock(path: Path, *, least: int = 0) -> int:
    """A descriptor of a lock file, made if absent; not inherited by children; numbered `least` or above."""
    low = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, least)
    finally:
        os.close(low)


def holder(lock: int) -> int | None:
    """The id of the process that holds a file's record lock, if any; 0 for one in another container."""
    if sys.platform == "linux":
        asked = struct.pack(_RECORD, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_RECORD, fcntl.fcntl(lock, fcntl.F_GETLK, asked))
    else:
        asked = struct.pack(_RECORD, 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
        _, _, pid, kind, _ = struct.unpack(_RECORD, fcntl.fcntl(lock, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else int(pid)


class Share:
    """A server's share in a folder: taken on joining, given up by leaving or by death."""

    def __init__(self, path: Path) -> None:
        self._lock = open_lock(path)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Whether no other server has a share. Ask only in one's turn and when about to leave."""
        return _locked(self._lock)

    def close(self) -> None:
        """Give the share up."""
        os.close(self._lock)


class Turns:
    """Servers start and stop the engines of a folder one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = open_lock(path)

    @contextmanager
    def take(self, *, patience: float) -> Iterator[None]:
        """One's own turn, waited for up to `patience` seconds. Not for two threads at once.

        Raises:
            Busy: another process has not finished its turn in time.
        """
        until = time.monotonic() + patience
        while not _locked(self._lock):
            if time.monotonic() >= until:
                raise Busy(
                    f"Another Transom is still starting or stopping on {self._path.parent.parent}. "
                    "Wait for it to finish, or end it, and start again."
                )
            time.sleep(0.02)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """Take no more turns."""
        os.close(self._lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
