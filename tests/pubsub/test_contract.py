"""What every bus promises. `here` and `there` are one bus, or two that meet in a real Valkey or Valkey Cluster."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from itertools import count

import pytest

from pubsub.bus import Bus, Listening
from pubsub.hub import Hub
from pubsub.redis import RedisBus
from tests.pubsub.ear import Ear
from tests.pubsub.valkey import Valkey
from tests.pubsub.valkey_cluster import ValkeyCluster
from tests.support.redis_server import RedisServer

EVERYWHERE = [f"settled{number}" for number in range(60)]
"""Channels so many that some are on every node of a cluster."""
namespaces = (f"contract{number}" for number in count())


@pytest.fixture(
    params=["hub", "one bus", "two buses", "one cluster bus", "two cluster buses", "one bus of Redis", "two of Redis"]
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str) -> str | None:
    """Where the buses meet."""
    if kind == "hub":
        return None
    name = "cluster" if "cluster" in kind else "redis" if "Redis" in kind else "valkey"
    server: Valkey | ValkeyCluster | RedisServer = request.getfixturevalue(name)
    return server.url


@pytest.fixture
async def buses(kind: str, url: str | None) -> AsyncGenerator[tuple[Bus, Bus]]:
    if url is None:
        hub = Hub()
        yield hub, hub
        return
    namespace = next(namespaces)
    async with RedisBus(url, namespace=namespace) as here:
        if kind.startswith("one"):
            yield here, here
        else:
            async with RedisBus(url, namespace=namespace) as there:
                yield here, there


@pytest.fixture
def here(buses: tuple[Bus, Bus]) -> Bus:
    return buses[0]


@pytest.fixture
def there(buses: tuple[Bus, Bus]) -> Bus:
    return buses[1]


async def settled(here: Bus, there: Bus) -> None:
    """Return when all that was published `here` has arrived `there`: a later message has."""
    ear = Ear()
    listenings = await asyncio.gather(*(there.listen(channel, ear) for channel in EVERYWHERE))
    for channel in EVERYWHERE:
        here.publish(channel, b"")
    await ear.hears(len(EVERYWHERE))
    for listening in listenings:
        listening.close()


async def test_a_bus_that_was_entered_is_connected(here: Bus, there: Bus) -> None:
    assert (here.connected, there.connected) == (True, True)


async def test_a_message_reaches_the_listener_of_its_channel(here: Bus, there: Bus) -> None:
    ear = Ear()
    await there.listen("a", ear)
    here.publish("a", b"hello")
    assert await ear.hears(1) == [b"hello"]


async def test_every_listener_hears_a_message_once_wherever_it_is(here: Bus, there: Bus) -> None:
    ears = [Ear() for _ in range(4)]
    for bus, ear in zip([here, here, there, there], ears, strict=True):
        await bus.listen("a", ear)
    here.publish("a", b"hello")
    await settled(here, there)
    assert [ear.heard for ear in ears] == [[b"hello"]] * 4
    assert [ear.losses for ear in ears] == [0] * 4


async def test_messages_come_in_the_order_of_publishing(here: Bus, there: Bus) -> None:
    ear = Ear()
    await there.listen("a", ear)
    sent = [b"%d" % number for number in range(5_000)]
    for payload in sent:
        here.publish("a", payload)
    assert await ear.hears(5_000) == sent


async def test_other_channels_hear_nothing(here: Bus, there: Bus) -> None:
    ear = Ear()
    await there.listen("b", ear)
    here.publish("a", b"hello")
    await settled(here, there)
    assert ear.heard == []


async def test_listeners_of_this_process_have_heard_when_publish_returns(here: Bus) -> None:
    ear = Ear()
    await here.listen("a", ear)
    here.publish("a", b"hello")
    assert ear.heard == [b"hello"]


async def test_nobody_needs_to_listen(here: Bus, there: Bus) -> None:
    here.publish("a", b"hello")
    ear = Ear()
    await there.listen("a", ear)
    await settled(here, there)
    assert ear.heard == []


@pytest.mark.parametrize("payload", [b"", b"\0\r\n$-1\r\n", bytes(range(256)), b"x" * 1_000_000], ids=len)
async def test_a_payload_is_any_bytes(here: Bus, there: Bus, payload: bytes) -> None:
    ear = Ear()
    await there.listen("a", ear)
    here.publish("a", payload)
    assert await ear.hears(1) == [payload]


@pytest.mark.parametrize("channel", ["", " ", "a b", "a\r\nb", "sitzung ß 🪟", "*", "x" * 1_000], ids=len)
async def test_a_channel_is_any_string(here: Bus, there: Bus, channel: str) -> None:
    ear = Ear()
    await there.listen(channel, ear)
    here.publish(channel, b"hello")
    assert await ear.hears(1) == [b"hello"]


async def test_a_closed_listening_hears_nothing_more(here: Bus, there: Bus) -> None:
    ear = Ear()
    listening = await there.listen("a", ear)
    listening.close()
    here.publish("a", b"hello")
    await settled(here, there)
    assert ear.heard == []


async def test_closing_twice_is_closing_once(here: Bus, there: Bus) -> None:
    ear = Ear()
    first = await there.listen("a", ear)
    await there.listen("a", ear)
    first.close()
    first.close()
    here.publish("a", b"hello")
    await settled(here, there)
    assert ear.heard == [b"hello"]


async def test_a_listener_may_come_back_at_once(here: Bus, there: Bus) -> None:
    ear = Ear()
    for _ in range(20):
        (await there.listen("a", ear)).close()
    await there.listen("a", ear)
    here.publish("a", b"hello")
    await settled(here, there)
    assert (ear.heard, ear.losses) == ([b"hello"], 0)


async def test_a_thousand_listeners_may_come_at_once(here: Bus, there: Bus) -> None:
    ears = {f"{number}": Ear() for number in range(1_000)}
    async with asyncio.timeout(1):
        await asyncio.gather(*(there.listen(channel, ear) for channel, ear in ears.items()))
    for channel in ears:
        here.publish(channel, channel.encode())
    await settled(here, there)
    assert {channel: ear.heard for channel, ear in ears.items()} == {channel: [channel.encode()] for channel in ears}


async def test_a_cancelled_listen_leaves_nothing_behind(here: Bus, there: Bus) -> None:
    cancelled, ear = Ear(), Ear()
    task = asyncio.create_task(there.listen("a", cancelled))
    await asyncio.sleep(0)
    if not task.cancel():
        task.result().close()
    await asyncio.gather(task, return_exceptions=True)
    await there.listen("a", ear)
    here.publish("a", b"hello")
    await settled(here, there)
    assert (cancelled.heard, ear.heard) == ([], [b"hello"])


async def test_a_failing_listener_harms_no_other(here: Bus, there: Bus, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Ear):
        def on_message(self, payload: bytes) -> None:
            raise ValueError("no")

    ear = Ear()
    await there.listen("a", Failing())
    await there.listen("a", ear)
    with caplog.at_level(logging.ERROR, "transom.pubsub"):
        here.publish("a", b"one")
        here.publish("a", b"two")
        assert await ear.hears(2) == [b"one", b"two"]
    assert [record.message for record in caplog.records] == ["a listener failed"] * 2


async def test_a_listener_that_is_closed_during_delivery_is_spared(here: Bus, there: Bus) -> None:
    places: list[Listening] = []

    class Closing(Ear):
        def on_message(self, payload: bytes) -> None:
            super().on_message(payload)
            for place in places:
                place.close()

    first, second, third = Closing(), Ear(), Ear()
    places += [await there.listen("a", first), await there.listen("a", second)]
    await there.listen("a", third)
    here.publish("a", b"one")
    here.publish("a", b"two")
    await third.hears(2)
    assert (first.heard, second.heard, third.heard) == ([b"one"], [], [b"one", b"two"])


async def test_what_a_callback_publishes_comes_after_what_it_heard(here: Bus, there: Bus) -> None:
    class Answering(Ear):
        def on_message(self, payload: bytes) -> None:
            if payload == b"question":
                here.publish("a", b"answer")

    near, far = Ear(), Ear()
    await here.listen("a", Answering())
    await here.listen("a", near)
    await there.listen("a", far)
    here.publish("a", b"question")
    assert near.heard == [b"question", b"answer"]
    assert await far.hears(2) == [b"question", b"answer"]
