"""One folder holds everything the engines keep: data, locks, sockets and logs."""

import errno
import os
import re
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engines.errors import EngineError

_LARGEST_LOG = 5 * 2**20
_LONGEST_NAME = ".s.PGSQL.5432"
_PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")


@dataclass(frozen=True)
class Folder:
    """The layout of a data folder: `postgres valkey model locks logs run`."""

    root: Path

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """The folder at a path, made if absent.

        Raises:
            EngineError: it cannot be made or written.
        """
        folder = cls(data_dir.expanduser().absolute())
        try:
            folder.root.mkdir(parents=True, exist_ok=True)
            for inner in (folder.locks, folder.logs, folder.valkey, folder.model):
                inner.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder.locks):
                pass
        except OSError as error:
            raise unwritable(folder.root, error) from error
        return folder

    @property
    def postgres(self) -> Path:
        """The cluster of PostgreSQL."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """The working folder of Valkey, which writes nothing."""
        return self.root / "valkey"

    @property
    def model(self) -> Path:
        """The port of the model."""
        return self.root / "model"

    @property
    def locks(self) -> Path:
        """Files that are locked by whoever starts, shares or is an engine; their content means nothing."""
        return self.root / "locks"

    @property
    def logs(self) -> Path:
        """One log per engine, with the previous one beside it."""
        return self.root / "logs"

    def sockets(self) -> Path:
        """The private folder of the Unix sockets, the same at every start, made if absent.

        It is `run` in the folder where a socket of the longest name can be bound, or else (a path over 107 bytes,
        a file system without sockets) a folder in `/tmp` that the link `run` remembers.

        Raises:
            EngineError: neither can be made.
        """
        run = self.root / "run"
        try:
            if run.is_symlink():
                place = run.readlink()
                if _is_private(place, self._owners()):
                    return place
                run.unlink()
            else:
                run.mkdir(mode=0o700, exist_ok=True)
                if _takes_sockets(run):
                    return run
                run.rmdir()
            place = Path(tempfile.mkdtemp(prefix="transom-", dir="/tmp"))
            run.symlink_to(place)
        except OSError as error:
            raise unwritable(self.root, error) from error
        return place

    def _owners(self) -> set[int]:
        return {os.geteuid()} | ({self.postgres.stat().st_uid} if self.postgres.exists() else set())


def rotate(log: Path) -> None:
    """Set a log over 5 MiB aside as `.1`, in place of the one set aside before."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_name(log.name + ".1"))


def sync(folder: Path) -> None:
    """See that a folder's own entries, as after a rename, are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(folder: Path, error: OSError) -> EngineError:
    """The error to raise for a folder that refused a write."""
    what = {
        errno.ENOSPC: "the disk is full. Free some space",
        errno.EDQUOT: "your disk quota is used up. Free some space",
        errno.EROFS: "the disk is read-only",
        errno.ENOTDIR: "a file is in its place. Move it away",
        errno.EEXIST: "a file is in its place. Move it away",
        errno.EACCES: "you may not write there. Change its owner or permissions",
        errno.EPERM: "you may not write there. Change its owner or permissions",
    }.get(error.errno or 0, f"{error.strerror or error}. See to that")
    return EngineError(
        f"The data folder {folder} cannot be used: {what}, or set TRANSOM_DATA_DIR to a folder that you can write."
    )


def _takes_sockets(place: Path) -> bool:
    if not _PLAIN.fullmatch(str(place)):
        return False
    probe = place / ".probe".ljust(len(_LONGEST_NAME), "0")
    probe.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as unix:
        try:
            unix.bind(os.fspath(probe))
        except OSError:
            return False
    probe.unlink()
    return True


def _is_private(place: Path, owners: set[int]) -> bool:
    try:
        place.mkdir(mode=0o700)
    except FileExistsError:
        found = place.lstat()
        return stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077 and found.st_uid in owners
    except OSError:
        return False
    return True
