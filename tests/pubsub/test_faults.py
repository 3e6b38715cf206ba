"""How a bus behaves when Redis or the way to it fails: nothing is lost silently, and nobody is told twice."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from itertools import count

import pytest

from pubsub.redis import RedisBus
from tests.pubsub.ear import Ear, until
from tests.pubsub.valkey import Valkey
from tests.support.proxy import Proxy

namespaces = (f"faults{number}" for number in count())


@pytest.fixture
def namespace() -> str:
    return next(namespaces)


@pytest.fixture
async def direct(valkey: Valkey, namespace: str) -> AsyncGenerator[RedisBus]:
    """A bus whose way to Redis is sound."""
    async with RedisBus(valkey.url, namespace=namespace) as bus:
        yield bus


@pytest.fixture
async def exposed(proxy: Proxy, namespace: str) -> AsyncGenerator[RedisBus]:
    """A bus whose way to Redis is through the proxy."""
    async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=namespace) as bus:
        yield bus


async def test_after_a_cut_the_listener_learns_of_the_hole_and_hears_again(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    ear = Ear()
    await exposed.listen("a", ear)
    proxy.cut()
    await until(lambda: not exposed.connected)
    direct.publish("a", b"missed")
    proxy.mend()
    await ear.loses(1)
    direct.publish("a", b"heard")
    assert await ear.hears(1) == [b"heard"]
    assert ear.losses == 1


async def test_after_a_reset_every_listener_of_every_channel_learns_of_it_once(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    ears = [Ear() for _ in range(200)]
    for number, ear in enumerate(ears):
        await exposed.listen(f"{number // 2}", ear)
    proxy.reset()
    for ear in ears:
        await ear.loses(1)
    for number in range(100):
        direct.publish(f"{number}", b"heard")
    for ear in ears:
        assert await ear.hears(1) == [b"heard"]
    assert [ear.losses for ear in ears] == [1] * 200


async def test_a_half_open_link_is_noticed_within_three_seconds(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    ear = Ear()
    await exposed.listen("a", ear)
    proxy.half_open()
    direct.publish("a", b"missed")
    await until(lambda: not exposed.connected, within=3)
    proxy.mend()
    await ear.loses(1)
    direct.publish("a", b"heard")
    assert await ear.hears(1) == [b"heard"]
    assert ear.losses == 1


async def test_a_port_that_accepts_and_never_answers_is_no_connection(proxy: Proxy, namespace: str) -> None:
    proxy.half_open()
    async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=namespace) as bus:
        assert not bus.connected
        proxy.mend()
        await until(lambda: bus.connected)


async def test_what_was_published_into_a_half_open_link_is_owned_up_to(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    ear, other = Ear(), Ear()
    await direct.listen("a", ear)
    await direct.listen("b", other)
    proxy.half_open()
    exposed.publish("a", b"swallowed")
    await until(lambda: not exposed.connected, within=3)
    proxy.mend()
    await ear.loses(1)
    exposed.publish("a", b"heard")
    exposed.publish("b", b"heard")
    assert (await ear.hears(1), await other.hears(1)) == ([b"heard"], [b"heard"])
    assert (ear.losses, other.losses) == (1, 0)


async def test_what_was_published_without_a_link_is_owned_up_to_once(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    ear, near = Ear(), Ear()
    await direct.listen("a", ear)
    proxy.cut()
    await until(lambda: not exposed.connected)
    for _ in range(1_000):
        exposed.publish("a", b"dropped")
    proxy.mend()
    await ear.loses(1)
    await exposed.listen("a", near)
    exposed.publish("a", b"heard")
    assert await ear.hears(1) == [b"heard"]
    assert (ear.losses, near.heard, near.losses) == (1, [b"heard"], 0)


async def test_listeners_of_this_process_hear_it_while_the_link_is_down(proxy: Proxy, exposed: RedisBus) -> None:
    ear = Ear()
    await exposed.listen("a", ear)
    proxy.cut()
    await until(lambda: not exposed.connected)
    exposed.publish("a", b"near")
    assert ear.heard == [b"near"]


async def test_an_overflow_keeps_what_came_first_and_owns_up_to_the_rest(
    valkey: Valkey, direct: RedisBus, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    full, other = Ear(), Ear()
    await direct.listen("full", full)
    await direct.listen("other", other)
    async with RedisBus(valkey.url, namespace=namespace, backlog=10) as bus:
        bus.publish("other", b"0")
        for number in range(1, 1_000):
            bus.publish("full", b"%d" % number)
        await full.loses(1)
        bus.publish("full", b"after")
        assert await full.hears(10) == [b"%d" % number for number in range(1, 10)] + [b"after"]
    assert (other.heard, full.losses, other.losses) == ([b"0"], 1, 0)
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_an_overflow_that_goes_on_is_told_once_in_the_log(
    valkey: Valkey, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisBus(valkey.url, namespace=namespace, backlog=10) as bus:
        for _ in range(3):
            for _ in range(100):
                bus.publish("full", b"")
            await asyncio.sleep(0)
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_a_backlog_is_bounded_in_bytes_too(valkey: Valkey, direct: RedisBus, namespace: str) -> None:
    ear = Ear()
    await direct.listen("a", ear)
    async with RedisBus(valkey.url, namespace=namespace, backlog_bytes=1_000) as bus:
        bus.publish("a", b"x" * 1_000)
        await ear.loses(1)
        bus.publish("a", b"x" * 900)
        assert await ear.hears(1) == [b"x" * 900]


async def test_when_too_many_channels_lost_something_every_listener_is_told(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    ear = Ear()
    await direct.listen("untouched", ear)
    proxy.cut()
    await until(lambda: not exposed.connected)
    for number in range(10_001):
        exposed.publish(f"{number}", b"dropped")
    proxy.mend()
    await ear.loses(1)
    assert ear.losses == 1


async def test_a_redis_that_was_killed_and_comes_back_empty_is_a_loss_for_all_and_then_works() -> None:
    here_ear, there_ear = Ear(), Ear()
    async with Valkey() as valkey, RedisBus(valkey.url) as here, RedisBus(valkey.url) as there:
        await here.listen("a", here_ear)
        await there.listen("a", there_ear)
        await valkey.kill()
        await until(lambda: not here.connected and not there.connected)
        here.publish("a", b"near")
        await valkey.start()
        await here_ear.loses(1)
        await there_ear.loses(1)
        await until(lambda: here.connected and there.connected)
        here.publish("a", b"far")
        assert (await here_ear.hears(2))[-1] == b"far"
        assert await there_ear.hears(1) == [b"far"]


async def test_a_bus_starts_without_redis_and_finds_it_later() -> None:
    clock = asyncio.get_running_loop().time
    ear = Ear()
    async with Valkey() as valkey:
        await valkey.kill()
        began = clock()
        async with RedisBus(valkey.url) as here, RedisBus(valkey.url) as there:
            assert clock() - began < 5
            assert not here.connected
            began = clock()
            await there.listen("a", ear)
            assert clock() - began < 0.5
            there.publish("a", b"near")
            assert ear.heard == [b"near"]
            await valkey.start()
            await ear.loses(1)
            await until(lambda: here.connected)
            here.publish("a", b"far")
            assert await ear.hears(2) == [b"near", b"far"]


async def test_who_comes_while_the_link_is_silent_waits_two_seconds_and_is_told_later(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus
) -> None:
    clock, ear = asyncio.get_running_loop().time, Ear()
    proxy.half_open()
    began = clock()
    await exposed.listen("a", ear)
    assert 1.9 < clock() - began < 3
    exposed.publish("a", b"near")
    assert (ear.heard, ear.losses) == ([b"near"], 0)
    proxy.mend()
    await ear.loses(1)
    direct.publish("a", b"far")
    assert await ear.hears(2) == [b"near", b"far"]
    assert ear.losses == 1


@pytest.mark.parametrize("others", [0, 1])
async def test_a_listener_that_joins_during_a_short_cut_waits_for_the_confirmation_after_it(
    proxy: Proxy, exposed: RedisBus, direct: RedisBus, others: int
) -> None:
    ear = Ear()
    for _ in range(others):
        await exposed.listen("a", Ear())
    proxy.cut()
    await until(lambda: not exposed.connected)
    listening = asyncio.create_task(exposed.listen("a", ear))
    assert not (await asyncio.wait([listening], timeout=0.1))[0]
    proxy.mend()
    await listening
    direct.publish("a", b"heard")
    assert await ear.hears(1) == [b"heard"]
    assert ear.losses == others  # A loss belongs to the channel: who joins others is told with them.


async def test_a_subscription_nobody_asked_for_is_a_loss(proxy: Proxy, exposed: RedisBus, namespace: str) -> None:
    ear, name = Ear(), f"{namespace}:a".encode()
    await exposed.listen("a", ear)
    proxy.inject(b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(name), name))
    await ear.loses(1)
    await until(lambda: exposed.connected)


async def test_retries_are_spaced_and_told_once(
    proxy: Proxy, exposed: RedisBus, caplog: pytest.LogCaptureFixture
) -> None:
    clock = asyncio.get_running_loop().time
    with caplog.at_level(logging.INFO, "transom.pubsub"):
        began, tried = clock(), proxy.accepted
        proxy.cut()
        await until(lambda: proxy.accepted >= tried + 8)
        assert clock() - began > 0.5
        proxy.mend()
        await until(lambda: exposed.connected)
    told = [f"{record.levelname} {record.message.split(': ')[0]}" for record in caplog.records]
    assert sorted(told) == [
        "INFO the publishing link to Redis is up",
        "INFO the subscribing link to Redis is up",
        "WARNING the publishing link to Redis is down",
        "WARNING the subscribing link to Redis is down",
    ]


async def test_a_redis_that_refuses_a_command_is_left_in_peace(valkey: Valkey, namespace: str) -> None:
    await valkey.ask("ACL", "SETUSER", "mute", "on", ">secret", "+ping", "+client", "+subscribe", "allchannels")
    async with Proxy(valkey.path) as proxy:
        clock = asyncio.get_running_loop().time
        async with RedisBus(f"redis://mute:secret@127.0.0.1:{proxy.port}", namespace=namespace) as bus:
            began, tried = clock(), proxy.accepted
            async with asyncio.timeout(10):
                while proxy.accepted < tried + 4:
                    bus.publish("a", b"refused")
                    await asyncio.sleep(0.001)
            assert clock() - began > 0.3


async def test_a_bus_closes_promptly_over_a_link_that_takes_nothing(proxy: Proxy, namespace: str) -> None:
    clock = asyncio.get_running_loop().time
    async with RedisBus(f"redis://127.0.0.1:{proxy.port}", namespace=namespace) as bus:
        proxy.stall()
        bus.publish("a", b"x" * 5_000_000)
        began = clock()
    assert clock() - began < 1.5
