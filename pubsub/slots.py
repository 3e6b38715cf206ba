"""Which node of a cluster has which slot, as a node of it tells."""

import asyncio
from typing import Any, Final

from redis.crc import REDIS_CLUSTER_HASH_SLOTS

from pubsub.addresses import node_at
from pubsub.link import DIAL_SECONDS, connection_to

SLOTS: Final = REDIS_CLUSTER_HASH_SLOTS

type Owners = list[str | None]
"""By slot: the node that has it, if one does."""


async def read(url: str) -> Owners:
    """Ask the node at `url`, within two seconds. A node that knows of no cluster tells of no owners.

    Raises:
        OSError, redis.RedisError, TimeoutError: it was not reached, or refused.
    """
    connection = connection_to(url)
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("CLUSTER", "SLOTS")
            ranges = await connection.read_response()
    finally:
        await connection.disconnect(nowait=True)
    return owners(ranges, getattr(connection, "host", ""))


def owners(ranges: Any, host: str) -> Owners:
    """Read the answer to `CLUSTER SLOTS`. A node without an address is at the `host` that was asked.

    The answer is a list of `[first slot, last slot, [host, port, …], replicas …]`
    (https://valkey.io/commands/cluster-slots/).
    """
    found: Owners = [None] * SLOTS
    for first, last, (name, port, *_), *_ in ranges:
        told = name.decode() if isinstance(name, bytes) else name
        found[first : last + 1] = [node_at(told if told and told != "?" else host, port)] * (last + 1 - first)
    return found
