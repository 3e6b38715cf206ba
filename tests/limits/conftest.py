"""Processes at which something is limited. They store and serve, and leave the replies unwritten."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from chat import runtime
from chat.policy import Allowance, Allowances
from chat.runtime import Life
from chat.scope import Once, Scope
from db import quotas
from pubsub.rates import Rates
from pubsub.redis import RedisBus
from tests.conftest import QUICK, Server, viewer_of

PATIENCE = 10.0
"""Seconds that an answer of Redis may take on a busy machine."""


@dataclass
class Limiting:
    """Starts processes: `await limiting(sessions=2)`. They end with the test."""

    server: Server
    stack: AsyncExitStack

    async def process(self, redis: str | None = None, **limits: int) -> Life:
        """One more process with these limits, that counts in a Redis."""
        return await self.stack.enter_async_context(self._running(redis or self.server.redis, limits))

    async def __call__(self, redis: str | None = None, **limits: int) -> Scope:
        """A viewer at a process of its own with these limits."""
        return await viewer_of(await self.process(redis, **limits))

    @asynccontextmanager
    async def _running(self, redis: str, limits: dict[str, int]) -> AsyncIterator[Life]:
        server = self.server
        async with (
            Rates(redis, patience=PATIENCE) as rates,
            RedisBus(server.redis, namespace=f"test-{id(server.db)}") as bus,
        ):
            allowances = Allowances(Allowance(**limits), rates)
            async with runtime.running(
                server.db, bus, server.models, timing=QUICK, allowances=allowances, produces=False
            ) as started:
                yield started


@pytest.fixture
async def limiting(server: Server) -> AsyncIterator[Limiting]:
    """See above."""
    async with AsyncExitStack() as stack:
        yield Limiting(server, stack)


def keyed(scope: Scope, key: str) -> Scope:
    """The same viewer with a mutation that happens once."""
    return replace(scope, once=Once(key, b"what is asked for"))


async def set_for(scope: Scope, **limits: int) -> None:
    """Sets limits for the viewer's account, as an operator does."""
    async with scope.process.db.system() as tx:
        await quotas.put(tx, scope.viewer.id, limits)
