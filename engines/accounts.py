"""Whom PostgreSQL runs as: it refuses root, so as root it gets an account of its own."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engines.errors import EngineError

_NAME = "transom"
_DAC_READ_SEARCH = 2
_READABLE_BY_ALL = stat.S_IROTH | stat.S_IXOTH


@dataclass(frozen=True)
class Account:
    """A user of the operating system who is not root."""

    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> Self | None:
        """Who is to run a program that refuses root on some data; None for whoever we are.

        As root it is the owner of the data if that is another user, or else the account `transom`, made at first use
        (or `nobody` where accounts cannot be made).
        """
        if os.geteuid() != 0:
            return None
        if data.exists() and (owner := data.stat()).st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        entry = _entry(_NAME) or _made(_NAME) or _entry("nobody")
        if entry is None:
            raise EngineError(
                "PostgreSQL refuses to run as root, and this system has no other account for it. "
                "Run Transom as an ordinary user, or set TRANSOM_DATABASE_URL."
            )
        return cls(entry.pw_uid, entry.pw_gid)

    def own(self, *paths: Path) -> None:
        """Give files, and folders with all that is in them, to the account."""
        for path in paths:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
            for folder, folders, files in path.walk() if path.is_dir() else ():
                for name in (*folders, *files):
                    os.chown(folder / name, self.uid, self.gid, follow_symlinks=False)

    def prefix(self, *reached: Path) -> list[str]:
        """The words to put before a command to run it as the account, able to reach the given files.

        No permission on the way is changed: where a parent folder is closed to others (as root's home is), the
        command gets the one capability to pass it.
        """
        program = shutil.which("setpriv")
        if program is None:
            raise EngineError(
                "PostgreSQL refuses to run as root, and the program `setpriv` is missing to run it as another user. "
                "Install util-linux, run Transom as an ordinary user, or set TRANSOM_DATABASE_URL."
            )
        words = [program, f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        if not _open_to_all(reached):
            capability = "dac_read_search" if _can(_DAC_READ_SEARCH) else "dac_override"
            words += [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
        return [*words, "--"]


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _made(name: str) -> pwd.struct_passwd | None:
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is not None:
        words = ["--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent", "--shell=/bin/false", name]
        subprocess.run([program, *words], capture_output=True, check=False)
    return _entry(name)


def _open_to_all(paths: Iterable[Path]) -> bool:
    real = [path.resolve() for path in paths]
    folders = {parent for path in real for parent in path.parents}
    programs = [path for path in real if path.is_file()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders) and all(
        program.stat().st_mode & _READABLE_BY_ALL == _READABLE_BY_ALL for program in programs
    )


def _can(capability: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
