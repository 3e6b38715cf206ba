"""Connecting to a host that has several addresses, some of which may lead nowhere (RFC 8305, "Happy Eyeballs")."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any

HEAD_START = 0.25
"""Seconds that an address is given before the next one is tried beside it."""

type Address = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` gives them."""


async def dial(host: str, port: int) -> socket.socket:
    """A connected socket.

    Raises:
        OSError: the host has no address, or none that takes connections.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    tasks: set[asyncio.Task[socket.socket]] = set()
    waiting = _interleaved(found)
    failed: BaseException = OSError(f"{host} has no address.")
    try:
        while waiting or tasks:
            if waiting:
                tasks.add(asyncio.create_task(_connected(waiting.pop(0))))
            done, tasks = await asyncio.wait(
                tasks, timeout=HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (error := task.exception()) is None:
                    tasks |= done - {task}
                    return task.result()
                failed = error
    finally:
        for task in tasks:
            task.cancel()
            task.add_done_callback(_dropped)
    raise failed


def _interleaved(found: Sequence[Address]) -> list[Address]:
    """The families in turn, the one that the system prefers first."""
    first = [each for each in found if each[0] == found[0][0]]
    other = [each for each in found if each[0] != found[0][0]]
    return [each for each in chain.from_iterable(zip_longest(first, other)) if each is not None]


async def _connected(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    connection = socket.socket(family, kind, protocol)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, where)
    except BaseException:
        connection.close()
        raise
    return connection


def _dropped(task: asyncio.Task[socket.socket]) -> None:
    """Closes what came second."""
    with suppress(asyncio.CancelledError, OSError):
        task.result().close()
