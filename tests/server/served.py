"""`transom serve` as people run it: a process of its own, spoken to over its port."""

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.mortals import mortal

TRANSOM = Path(sys.executable).with_name("transom")


@dataclass
class Served:
    """A server that answers."""

    process: Process
    url: str
    """Such as `http://127.0.0.1:54321`, without a slash at the end."""
    log: Path
    """What it says on its standard error."""

    @property
    def graphql(self) -> str:
        """The API's address."""
        return f"{self.url}/graphql"

    @property
    def socket(self) -> str:
        """The API's address for WebSockets."""
        return self.graphql.replace("http", "ws", 1)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """Ends the process and those it has forked, without a word: `kill -9`."""
        for pid in group(self.process.pid):
            os.kill(pid, signal.SIGKILL)

    def ask_to_end(self) -> None:
        """Asks it to end, as service managers do: SIGTERM."""
        self.process.terminate()

    async def ended(self, seconds: float = 15) -> int:
        """Waits for its end; the exit code."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()


def environment(**settings: object) -> dict[str, str]:
    """This process's environment, with these settings (`port=0` is TRANSOM_PORT) and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRANSOM_")}
    return inherited | {f"TRANSOM_{name.upper()}": str(value) for name, value in settings.items()}


@asynccontextmanager
async def serving(
    log: Path,
    *options: str,
    may_complain: bool = False,
    when_announced: Callable[[Process], None] = lambda _: None,
    **settings: object,
) -> AsyncIterator[Served]:
    """A server on a free loopback port, in a process group of its own, that has answered once.

    `when_announced` is called when it has said where it listens, while it still starts.

    What is left of it at the end is ended; unless it `may_complain`, its log must not speak of errors then.
    """
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *mortal([TRANSOM, "serve", *options], ends_by="TERM"),
            stdout=PIPE,
            stderr=errors,
            env=environment(**{"port": 0, "log_level": "info"} | settings),
            start_new_session=True,
        )
    served = Served(process, "", log)
    try:
        served.url = await _announced(served)
        when_announced(process)
        await until(lambda: _answers(served), seconds=60)
        yield served
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await served.ended(30)
            except TimeoutError:
                served.kill()
                raise
    if not may_complain:
        check(log)


def check(log: Path) -> None:
    """A log must not speak of anything wrong."""
    said = log.read_text()
    assert not re.search(r" (ERROR|CRITICAL) |^Traceback|Warning", said, re.MULTILINE), said


async def _announced(served: Served) -> str:
    """The address that it prints."""
    assert served.process.stdout
    said = b""
    async with asyncio.timeout(90):
        while line := await served.process.stdout.readline():
            said += line
            if line.startswith(b"Stop with"):
                break
    found = re.search(rb"^GraphQL +(\S+)/graphql$", said, re.MULTILINE)
    assert found, said.decode() + served.log.read_text()
    return found[1].decode()


async def _answers(served: Served) -> bool:
    assert served.process.returncode is None, served.log.read_text()
    try:
        async with httpx.AsyncClient(timeout=5) as http:
            return (await http.get(f"{served.url}/readyz")).is_success
    except httpx.TransportError:
        return False


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    """Waits for something that only asking tells."""
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, "it did not come"
        await asyncio.sleep(0.02)


def group(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            state, _, pgid = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgid) == leader and state != "Z":
            found.append(int(entry.name))
    return sorted(found)


async def run(*arguments: str, **settings: object) -> tuple[int, str, str]:
    """Runs `transom` to its end; exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        *mortal([TRANSOM, *arguments], ends_by="TERM"), stdout=PIPE, stderr=PIPE, env=environment(**settings)
    )
    try:
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it ends its engines, too
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()
