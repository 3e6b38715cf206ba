import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.graphql.served import Served, serving

NPM = Path(__file__).parent / "npm"


@pytest.fixture(scope="session")
async def served() -> AsyncIterator[Served]:
    """A server with everything at its default, for tests that change nothing."""
    async with serving() as served:
        yield served


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
async def npm() -> Path:
    """The folder of the npm clients, installed from the lock file if need be."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    if not (NPM / "node_modules").exists():
        install = await asyncio.create_subprocess_exec("npm", "ci", "--no-audit", "--no-fund", cwd=NPM)
        assert await install.wait() == 0
    return NPM


@pytest.fixture
def node(npm: Path) -> Callable[..., Awaitable[str]]:
    """Run a script of the folder with arguments; its output."""

    async def run(script: str, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "node",
            script,
            *arguments,
            cwd=npm,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        )
        async with asyncio.timeout(60):
            output, problems = await process.communicate()
        assert process.returncode == 0, problems.decode() + output.decode()
        return output.decode()

    return run
