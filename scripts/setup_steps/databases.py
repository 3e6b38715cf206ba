"""Debian's PostgreSQL, PgBouncer and Redis, for the tests on engines that are not the embedded ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .terminal import TOOLS, Stop, run, say

PROGRAMS = {"postgresql": "pg_ctl", "pgbouncer": "pgbouncer", "redis-server": "redis-server"}
"""A program of each package."""

FOLDER = TOOLS / "debian"
_APT = FOLDER / "apt"


def prepare() -> None:
    """Unpacks the packages that this machine has not got; where it cannot, the tests of them are skipped.

    Nothing is installed: a package's scripts would start a service on the usual port, and have it start with the
    machine.

    Raises:
        Stop: we are root on Debian, and it failed all the same.
    """
    missing = [package for package, program in PROGRAMS.items() if not found(program)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        say(f"No Debian here: tests on other engines ({', '.join(missing)}) are skipped")
        return
    say(f"{', '.join(missing)} into .tools/debian, with apt-get")
    try:
        _unpack(missing)
    except Stop as stop:
        if os.geteuid() == 0:
            raise
        say(f"That did not work, so their tests are skipped: {str(stop).splitlines()[-1]}")


def found(program: str) -> bool:
    """Whether the machine or `.tools/debian` has a program."""
    system = Path("/usr")
    return any(
        next(root.glob(pattern), None)
        for root in (FOLDER / "usr", system)
        for pattern in (f"bin/{program}", f"sbin/{program}", f"lib/postgresql/*/bin/{program}")
    )


def _unpack(packages: list[str]) -> None:
    """Fetches packages, and what they need that is not installed, with lists and a cache of our own."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (_APT / folder).mkdir(parents=True, exist_ok=True)
    options = [f"Dir::State::Lists={_APT / 'lists'}", f"Dir::Cache={_APT / 'cache'}", "Debug::NoLocking=true"]
    words = [word for option in options for word in ("-o", option)]
    run("apt-get", *words, "update", "-qq")
    run("apt-get", *words, "install", "-qq", "--yes", "--download-only", "--no-install-recommends", *packages)
    for package in (_APT / "cache" / "archives").glob("*.deb"):
        run("dpkg-deb", "--extract", package, FOLDER)
    shutil.rmtree(_APT)
