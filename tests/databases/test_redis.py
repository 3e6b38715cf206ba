"""The Redis that people have: what is said at the start about one that cannot be used, and Debian's at work."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import engines
from pubsub.rates import Rate, Rates
from pubsub.requirements import Away, Unsuitable, check
from tests.pubsub.valkey import Valkey
from tests.pubsub.valkey_cluster import ClusterNode
from tests.server.served import run
from tests.support import certificate
from tests.support.postgres import free_port
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="module")
async def redis() -> AsyncIterator[RedisServer]:
    """Debian's."""
    async with RedisServer() as redis:
        yield redis


async def complaint(url: str) -> str:
    """What is said against a Redis."""
    with pytest.raises(Unsuitable) as refused:
        await check(url)
    return str(refused.value)


async def test_a_redis_and_a_valkey_will_do(redis: RedisServer, embedded: engines.Urls) -> None:
    await check(redis.url)
    await check(f"{redis.url}/15")
    await check(embedded.redis)


async def test_rates_are_counted_by_redis(redis: RedisServer) -> None:
    rate = Rate("messages", 1, ("somebody at Debian's",))
    async with Rates(redis.url, patience=10.0) as here, Rates(redis.url, patience=10.0) as there:
        assert await here.take([rate]) is None
        full = await there.take([rate])
        assert full is not None
        assert full.used == 1


async def test_a_database_that_there_is_not_is_told(redis: RedisServer) -> None:
    assert await complaint(f"{redis.url}/99") == (
        f"Redis at 127.0.0.1:{redis.port} refuses: DB index is out of range. See to TRANSOM_REDIS_URL."
    )


async def test_a_wrong_password_is_told() -> None:
    async with RedisServer(requirepass="right") as redis:
        place = f"127.0.0.1:{redis.port}"
        await check(f"redis://:right@{place}")
        for given in (f"redis://{place}", f"redis://:wrong@{place}", f"redis://eve:right@{place}"):
            said = await complaint(given)
            assert said.startswith(f"Redis at {place} refuses: ")
            assert said.endswith(" See to the user and the password in TRANSOM_REDIS_URL.")
            assert "right" not in said.replace("wrong", "")


async def test_a_user_that_may_not_publish_is_told(redis: RedisServer) -> None:
    await redis.ask("ACL", "SETUSER", "ada", "on", ">right", "~transom:*", "resetchannels", "+@all")
    url = f"redis://ada:right@127.0.0.1:{redis.port}"
    assert (await complaint(url)).endswith("An administrator can run: ACL SETUSER ada ~transom:* &transom:* +@all")
    await redis.ask("ACL", "SETUSER", "ada", "&transom:*")
    await check(url)


async def test_a_replica_is_told(redis: RedisServer) -> None:
    async with RedisServer(replicaof=f"127.0.0.1 {redis.port}") as replica:
        assert await complaint(replica.url) == (
            f"Redis at 127.0.0.1:{replica.port} is a replica, which takes no writes. "
            "Give its primary's address in TRANSOM_REDIS_URL."
        )


async def test_a_cluster_and_a_single_server_are_not_taken_for_each_other(redis: RedisServer, tmp_path: Path) -> None:
    place = f"127.0.0.1:{redis.port}"
    assert await complaint(f"redis+cluster://{place}") == (
        f"Redis at {place} is no cluster. Say redis:// in TRANSOM_REDIS_URL, in place of redis+cluster://."
    )
    node = ClusterNode(tmp_path / "node")
    await node.start()
    try:
        await check(f"redis+cluster://127.0.0.1:{free_port()},{node.address}")
        assert await complaint(f"redis://{node.address}") == (
            f"Redis at {node.address} is a node of a cluster. "
            "Say redis+cluster:// in TRANSOM_REDIS_URL, in place of redis://."
        )
    finally:
        await node.kill()


async def test_tls_and_none_are_not_taken_for_each_other(redis: RedisServer, valkey: Valkey, tmp_path: Path) -> None:
    assert await complaint(f"rediss://127.0.0.1:{redis.port}") == (
        f"Redis at 127.0.0.1:{redis.port} speaks no TLS. Say redis in place of rediss in TRANSOM_REDIS_URL."
    )
    tls, trusted = certificate.made(tmp_path)
    async with Proxy(valkey.path, tls=tls) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}"
        assert (await complaint(url)).endswith(
            "is not trusted (self-signed certificate). Put ?ssl_ca_certs=… behind TRANSOM_REDIS_URL."
        )
        await check(f"{url}?ssl_ca_certs={trusted}")
        assert await complaint(url.replace("rediss:", "redis:")) == (
            f"Redis at 127.0.0.1:{proxy.port} speaks TLS. Say rediss in place of redis in TRANSOM_REDIS_URL."
        )


@pytest.fixture
async def valkey() -> AsyncIterator[Valkey]:
    """A Valkey of its own."""
    async with Valkey() as valkey:
        yield valkey


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"E\x00\x00\x00\x10SFATAL\x00\x00", b"SSH-2.0-OpenSSH\r\n"]
)
async def test_something_else_that_listens_is_told(answer: bytes) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await complaint(f"redis://{place}") == f"What listens on {place} is no Redis. See to TRANSOM_REDIS_URL."


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ("redis_version:6.2.14\r\nredis_mode:standalone", "Redis 6.2.14 at {} is too old: Transom needs Redis 7,"),
        ("redis_version:7.2.4\r\nredis_mode:sentinel", "{} is a Sentinel. Give the address of the primary itself"),
    ],
)
async def test_a_redis_of_another_kind_is_told(info: str, said: str) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await reader.read(4096):
            words = f"${len(info)}\r\n{info}\r\n" if b"INFO" in command and b"SETINFO" not in command else "+OK\r\n"
            writer.write(words.encode() * max(1, command.count(b"SETINFO")))
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await complaint(f"redis://{place}")).startswith(said.format(place))


async def test_one_that_is_away_does_not_keep_a_server_from_starting() -> None:
    port = free_port()
    with pytest.raises(Away, match=f"Redis at 127.0.0.1:{port} is not reached: "):
        await check(f"redis://127.0.0.1:{port}")


async def test_serve_says_it_and_ends(redis: RedisServer, embedded: engines.Urls) -> None:
    settings = {"database_url": embedded.database, "model_url": "scripted:", "port": 0}
    code, output, errors = await run("serve", redis_url=f"{redis.url}/99", **settings)
    assert (code, output) == (1, "")
    assert errors == (
        f"Error: Redis at 127.0.0.1:{redis.port} refuses: DB index is out of range. See to TRANSOM_REDIS_URL.\n"
    )
