"""The clock of `bench.peers.transom`, where the model is behind HTTP: another process, that is told what to say."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any, Self

from llm.models import Models


class Provided:
    """A provider that has been started. Ends with its standard input."""

    def __init__(self, process: Process, port: int) -> None:
        self._process = process
        self.models = Models.open(url=f"http://127.0.0.1:{port}/v1", model="m")

    @classmethod
    async def started(cls) -> Self:
        """A new one."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.peers.provider", stdin=PIPE, stdout=PIPE
        )
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline())["port"])

    async def tell(self, command: str, **options: object) -> dict[str, Any]:
        """Gives a command; its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **options}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer

    async def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
