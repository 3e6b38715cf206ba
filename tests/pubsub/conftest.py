from collections.abc import AsyncGenerator

import pytest

from tests.pubsub.valkey import Valkey
from tests.pubsub.valkey_cluster import ValkeyCluster
from tests.support.proxy import Proxy


@pytest.fixture(scope="session")
async def valkey() -> AsyncGenerator[Valkey]:
    async with Valkey() as valkey:
        yield valkey


@pytest.fixture(scope="session")
async def cluster() -> AsyncGenerator[ValkeyCluster]:
    async with ValkeyCluster() as cluster:
        yield cluster


@pytest.fixture
async def proxy(valkey: Valkey) -> AsyncGenerator[Proxy]:
    async with Proxy(valkey.path) as proxy:
        yield proxy
