"""Commands, and the one line that each says."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".tools"


class Stop(Exception):
    """The set-up cannot go on; its text says why, and what to do."""


def say(line: str) -> None:
    """Prints one step."""
    print(f"· {line}", flush=True)


def fail(line: str) -> NoReturn:
    """Ends the process with status 1."""
    sys.exit(f"✗ {line}")


def run(*command: str | Path, env: dict[str, str] | None = None, folder: Path = ROOT) -> str:
    """Runs a command quietly; returns what it printed to standard output.

    Raises:
        Stop: it ended with another status than 0; carries the end of what it printed.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise Stop(f"`{words[0]}` could not be run: {error.strerror}") from error
    if done.returncode != 0:
        output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise Stop(f"`{' '.join(words)}` failed:\n{output}")
    return done.stdout


def works(*command: str | Path) -> str | None:
    """What a command prints, or `None` if it is missing or fails (as the shims of version switchers do)."""
    try:
        return run(*command).strip()
    except Stop:
        return None


def fingerprint(files: Iterable[Path]) -> str:
    """A hash of the names and contents of those of `files` that exist."""
    total = hashlib.sha256()
    for file in sorted(files):
        if file.is_file():
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    return total.hexdigest()


def stamped(stamp: Path, value: str) -> bool:
    """Whether `stamp` says that the step for `value` was completed."""
    return stamp.is_file() and stamp.read_text() == value
