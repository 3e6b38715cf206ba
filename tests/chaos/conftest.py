"""Two servers that share engines of their own, each of which can be taken away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import engines
from tests.chaos.engines import Engines
from tests.server.served import Served, serving
from tests.support.lossy import LossyWay
from tests.support.proxy import Proxy

COUNT = 150
"""Numbers in a reply of a server: three seconds of them."""
COUNTING = f"scripted:?tokens={COUNT}&interval=0.02"
LEASE = 2
"""Seconds."""


@dataclass
class Scene:
    """The servers, and what can be done to them."""

    engines: Engines
    one: Served
    other: Served
    """Reaches Redis through `way`."""
    way: Proxy
    lossy: LossyWay
    """What both servers reach Redis through; `other` after `way`."""
    logs: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of one more server like `one`."""
        return settings(self.engines, self.lossy.at)


def settings(shared: Engines, redis: Path) -> dict[str, Any]:
    """The settings of a server."""
    return {"database_url": shared.database.url, "redis_url": f"unix://{redis}", "model_url": COUNTING, "lease": LEASE}


@pytest.fixture(scope="package")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Everything at work. Afterwards the logs of the servers must not speak of errors."""
    logs = tmp_path_factory.mktemp("chaos")
    async with (
        engines.running() as shared,
        LossyWay(shared.valkey.path, at=shared.valkey.folder / "lossy.sock", seed=20) as lossy,
        Proxy(lossy.at, at=shared.valkey.folder / "way.sock") as way,
        AsyncExitStack() as stack,
    ):
        assert way.at is not None
        starting = [serving(logs / f"{at.stem}.log", **settings(shared, at)) for at in (lossy.at, way.at)]
        one, other = await asyncio.gather(*map(stack.enter_async_context, starting))
        yield Scene(shared, one, other, way, lossy, logs)
