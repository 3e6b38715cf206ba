"""Programs of Debian's packages, installed or unpacked by the set-up (`scripts/setup.py databases`)."""

import asyncio
import os
import re
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from engines.accounts import Account

_UNPACKED = Path(__file__).parents[2] / ".tools" / "debian" / "usr"
_PLACES = ("bin/{}", "sbin/{}", "lib/postgresql/*/bin/{}")


def find(name: str) -> Path:
    """Where a program is; of PostgreSQL's, those of the newest version. The test is skipped where there is none."""
    for root in (_UNPACKED, Path("/usr")):
        found = [path for place in _PLACES for path in root.glob(place.format(name))]
        if found:
            return max(found, key=_version)
    pytest.skip(f"There is no `{name}` of Debian here: `python3 scripts/setup.py databases` says why.")


def command(account: Account | None, folder: Path, name: str, *words: str) -> list[str]:
    """A program and its arguments, to be run by an account that is not root, able to reach a folder."""
    path = find(name)
    return [*(account.prefix(path, folder) if account else ()), str(path), *words]


def environment() -> dict[str, str]:
    """In which programs find the libraries that were unpacked with them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    libraries = ":".join(map(str, _UNPACKED.glob("lib/*-linux-gnu")))
    return inherited | ({"LD_LIBRARY_PATH": libraries} if libraries else {}) | {"LC_ALL": "C"}


async def start(command: Sequence[str], log: Path, *, cwd: Path = Path("/")) -> Process:
    """A server that begins to start, and writes to a log."""
    with log.open("ab") as writing:
        return await asyncio.create_subprocess_exec(
            *command, stdout=writing, stderr=writing, env=environment(), cwd=cwd
        )


async def until_answer(process: Process, log: Path, answers: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a server's first answer; where it ends instead, what it wrote is the failure."""
    async with asyncio.timeout(30):
        while not await answers():
            assert process.returncode is None, log.read_text()  # noqa: ASYNC240
            await asyncio.sleep(0.02)


def _version(path: Path) -> int:
    found = re.search(r"/postgresql/(\d+)/", str(path))
    return int(found[1]) if found else 0
