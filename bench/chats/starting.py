"""A product's server: a process on the core of the server with all that it starts, which ends with what is started."""

import asyncio
import os
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from bench import machine

LONGEST = 120.0
"""Seconds until it must answer."""
ENDING = 20.0
"""Seconds that it may take to end."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, ready: str, *, ends_by: str
) -> AsyncIterator[Process]:
    """Starts a server in a folder, waits until the address `ready` answers, and ends it. Its log is `log.txt` there.

    However this process dies, the server gets the signal `ends_by` then.
    """
    with (folder / "log.txt").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *machine.on(machine.SERVER, command, ends_by=ends_by),
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment,
        )
    try:
        async with asyncio.timeout(LONGEST), httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            while not await _answers(http, ready):
                if process.returncode is not None:
                    raise SystemExit((folder / "log.txt").read_text()[-3000:])
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(ENDING):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _answers(http: httpx2.AsyncClient, ready: str) -> bool:
    try:
        return (await http.get(ready)).is_success
    except httpx2.HTTPError:
        return False


def clean(prefix: str) -> dict[str, str]:
    """This process's environment without variables of this prefix."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
