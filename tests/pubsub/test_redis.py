"""How a bus behaves towards Redis while all is well."""

import asyncio
import logging
from itertools import count

import pytest

from pubsub.redis import RedisBus
from tests.pubsub.ear import Ear, until
from tests.pubsub.valkey import Valkey
from tests.support.proxy import Proxy

namespaces = (f"redis{number}" for number in count())


async def test_a_bus_has_two_connections_and_takes_them_with_it(valkey: Valkey) -> None:
    async def left() -> bool:
        return await valkey.connections() == before

    before, tasks = await valkey.connections(), asyncio.all_tasks()
    async with RedisBus(valkey.url, namespace=next(namespaces)) as bus:
        for channel in "abc":
            await bus.listen(channel, Ear())
            bus.publish(channel, b"hello")
        during = await valkey.connections()
    assert not bus.connected
    assert asyncio.all_tasks() == tasks
    await until(left)
    assert during == before + 2


async def test_a_channel_is_subscribed_once_and_as_long_as_someone_listens(valkey: Valkey) -> None:
    namespace = next(namespaces)
    async with RedisBus(valkey.url, namespace=namespace) as bus:
        first = await bus.listen("a", Ear())
        second = await bus.listen("a", Ear())
        assert await valkey.subscribers(f"{namespace}:a") == 1
        first.close()
        await bus.listen("b", Ear())
        assert await valkey.subscribers(f"{namespace}:a") == 1
        second.close()
        await bus.listen("c", Ear())
        assert await valkey.subscribers(f"{namespace}:a") == 0


async def test_a_cancelled_listen_is_unsubscribed(valkey: Valkey) -> None:
    namespace = next(namespaces)
    async with RedisBus(valkey.url, namespace=namespace) as bus:
        task = asyncio.create_task(bus.listen("a", Ear()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await bus.listen("b", Ear())
        assert await valkey.subscribers(f"{namespace}:a") == 0


async def test_listen_returns_only_when_redis_has_confirmed(valkey: Valkey, proxy: Proxy) -> None:
    namespace = next(namespaces)
    async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=namespace) as bus:
        proxy.latency = 0.1
        began = asyncio.get_running_loop().time()
        await bus.listen("a", Ear())
        assert asyncio.get_running_loop().time() - began >= 0.2
        assert await valkey.subscribers(f"{namespace}:a") == 1


async def test_a_second_listener_waits_for_the_same_confirmation(valkey: Valkey, proxy: Proxy) -> None:
    async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=next(namespaces)) as bus:
        proxy.latency = 0.1
        began = asyncio.get_running_loop().time()
        await asyncio.gather(bus.listen("a", Ear()), bus.listen("a", Ear()))
        assert asyncio.get_running_loop().time() - began >= 0.2


async def test_who_returns_to_a_channel_waits_for_a_confirmation_of_its_own(valkey: Valkey, proxy: Proxy) -> None:
    namespace = next(namespaces)
    async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=namespace) as bus:
        listening = await bus.listen("a", Ear())
        proxy.latency = 0.1
        listening.close()
        ear = Ear()
        await bus.listen("a", ear)
        assert await valkey.subscribers(f"{namespace}:a") == 1
        assert ear.losses == 0


async def test_namespaces_do_not_hear_each_other(valkey: Valkey) -> None:
    ear = Ear()
    async with (
        RedisBus(valkey.url, namespace=next(namespaces)) as mine,
        RedisBus(valkey.url, namespace=next(namespaces)) as theirs,
    ):
        await theirs.listen("a", ear)
        mine.publish("a", b"hello")
        async with RedisBus(valkey.url, namespace=next(namespaces)) as later:
            await later.listen("a", Ear())
    assert (ear.heard, ear.losses) == ([], 0)


async def test_what_waits_is_sent_before_the_bus_closes(valkey: Valkey, proxy: Proxy) -> None:
    namespace, ear = next(namespaces), Ear()
    async with RedisBus(valkey.url, namespace=namespace) as there:
        await there.listen("a", ear)
        async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=namespace) as here:
            proxy.latency = 0.1
            here.publish("a", b"on its way")
            await asyncio.sleep(0)
            here.publish("a", b"behind it")
        assert await ear.hears(2) == [b"on its way", b"behind it"]


async def test_what_cannot_be_understood_is_a_loss(valkey: Valkey) -> None:
    namespace, ear = next(namespaces), Ear()
    async with RedisBus(valkey.url, namespace=namespace) as bus:
        await bus.listen("a", ear)
        await valkey.ask("PUBLISH", f"{namespace}:a", b"from who knows where")
        await ear.loses(1)
    assert (ear.heard, ear.losses) == ([], 1)


async def test_a_link_that_comes_and_stays_is_told_once(valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "transom.pubsub"):
        async with RedisBus(valkey.url, namespace=next(namespaces)):
            pass
    assert sorted(record.message for record in caplog.records) == [
        "the publishing link to Redis is up",
        "the subscribing link to Redis is up",
    ]


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis://127.0.0.1?timeout=soon"])
def test_a_url_that_makes_no_sense_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis URL|Invalid value"):
        RedisBus(url)
