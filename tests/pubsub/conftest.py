from collections.abc import AsyncGenerator

import pytest

from tests.pubsub.valkey import Valkey
from tests.pubsub.valkey_cluster import ValkeyCluster
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey() as valkey:
        yield valkey


@pytest.fixture(scope="session")
async def redis() -> AsyncGenerator[RedisServer]:
    """Debian's Redis."""
    async with RedisServer() as redis:
        yield redis


@pytest.fixture(scope="session")
async def cluster() -> AsyncGenerator[ValkeyCluster]:
    async with ValkeyCluster() as cluster:
        yield cluster


@pytest.fixture
async def proxy(valkey: Valkey) -> AsyncGenerator[Proxy]:
    async with Proxy(valkey.path) as proxy:
        yield proxy
