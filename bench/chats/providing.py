"""The model provider of a measurement (`bench.peers.provider`), in a process of its own on the core of the load."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench import machine, served


class Providing:
    """A provider that runs."""

    def __init__(self, process: served.Served) -> None:
        self._process = process
        self.port = process.port

    async def tell(self, command: str, **options: object) -> dict[str, Any]:
        """Gives a command; its answer."""
        self._process.tell(command, **options)
        while (answer := self._process.answer()) is None:  # noqa: ASYNC110  (a pipe that others read without waiting)
            await asyncio.sleep(0.002)
        return answer


@contextmanager
def provider() -> Iterator[Providing]:
    """Starts a provider, and ends it."""
    with served.serving(served.python("bench.peers.provider"), core=machine.LOAD) as process:
        yield Providing(process)
