"""Debian's Redis, on a Unix socket or a loopback port, in a folder of its own."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any, Self

from redis.exceptions import AuthenticationError, RedisError

from tests.support import debian
from tests.support.postgres import free_port
from tests.support.redis_client import once


class RedisServer:
    """One server with a configuration, such as `requirepass="secret"`; an async context manager."""

    def __init__(self, **configuration: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="t-redis-", dir="/tmp"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._words = [
            word for name, value in configuration.items() for word in (f"--{name.replace('_', '-')}", *value.split())
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        shutil.rmtree(self.folder)

    async def ask(self, *command: str | bytes) -> Any:
        """Sends one command on a connection of its own."""
        async with once(port=self.port) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def _start(self) -> None:
        fixed = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        command = debian.command(None, self.folder, "redis-server", *fixed, *self._words)
        self._process = await debian.start(command, self.folder / "log", cwd=self.folder)
        await debian.until_answer(self._process, self.folder / "log", self._answers)

    async def _answers(self) -> bool:
        try:
            await self.ask("PING")
        except AuthenticationError:  # which counts as one that is not connected
            return True
        except RedisError:
            return False
        return True
