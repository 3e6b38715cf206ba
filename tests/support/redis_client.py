"""A client that sends a command once: most of what servers are asked in tests cannot be repeated."""

from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

ANSWER: Final = 60.0
"""Seconds for an answer: a server may write to a disk that others use, too, before it gives one."""


def once(**options: Any) -> Redis:
    """A client of the server that the options name, speaking RESP 2."""
    return Redis(protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=ANSWER, **options)
