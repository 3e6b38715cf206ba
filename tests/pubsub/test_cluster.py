"""How a bus behaves on a cluster, also while nodes die and slots move: others are not disturbed, nothing is silent."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from itertools import count
from typing import override

import pytest

from pubsub.addresses import ClusterAddress
from pubsub.redis import RedisBus
from pubsub.slots import owners
from pubsub.wire import ORIGIN_SIZE, Wire
from tests.pubsub.ear import Ear, until
from tests.pubsub.valkey_cluster import ClusterNode, ValkeyCluster

namespaces = (f"cluster{number}" for number in count())


@pytest.fixture
def namespace() -> str:
    return next(namespaces)


@pytest.fixture
async def here(cluster: ValkeyCluster, namespace: str) -> AsyncGenerator[RedisBus]:
    async with RedisBus(cluster.url, namespace=namespace) as bus:
        yield bus


@pytest.fixture
async def there(cluster: ValkeyCluster, namespace: str) -> AsyncGenerator[RedisBus]:
    async with RedisBus(cluster.url, namespace=namespace) as bus:
        yield bus


async def channels_on(cluster: ValkeyCluster, namespace: str, node: ClusterNode, many: int) -> list[str]:
    """Names of channels whose slots a node has, each in a slot of its own."""
    found: list[str] = []
    for number in count():
        if await cluster.owner(f"{namespace}:{number}") is node:
            found.append(f"{number}")
        if len(found) == many:
            return found
    raise AssertionError


async def hears_again(here: RedisBus, channel: str, ear: Ear) -> None:
    """Return when a message published `here` is heard."""
    before = len(ear.heard)

    async def heard() -> bool:
        here.publish(channel, b"again")
        await asyncio.sleep(0.02)
        return len(ear.heard) > before

    await until(heard)


async def test_a_bus_has_two_connections_to_each_node_and_takes_them_with_it(cluster: ValkeyCluster) -> None:
    async def connections() -> list[int]:
        return [
            len([line for line in (await node.clients()) if " flags=N " in line or " flags=P " in line])
            for node in cluster.nodes
        ]

    async def left() -> bool:
        return await connections() == before

    before, tasks = await connections(), asyncio.all_tasks()
    async with RedisBus(cluster.url, namespace=next(namespaces)) as bus:
        for channel in "abcdef":
            await bus.listen(channel, Ear())
            bus.publish(channel, b"hello")
        during = await connections()
    assert not bus.connected
    assert asyncio.all_tasks() == tasks
    await until(left)
    assert during == [number + 2 for number in before]


async def test_a_channel_is_subscribed_on_the_node_that_has_its_slot_as_long_as_someone_listens(
    cluster: ValkeyCluster, here: RedisBus, namespace: str
) -> None:
    async def subscribers(channel: str) -> list[int]:
        return [await node.subscribers(f"{namespace}:{channel}") for node in cluster.owners]

    for number, node in enumerate(cluster.owners):
        (channel,) = await channels_on(cluster, namespace, node, 1)
        listening = await here.listen(channel, Ear())
        assert await subscribers(channel) == [int(number == each) for each in range(3)]
        listening.close()
        await until(lambda node=node, channel=channel: none_on(node, f"{namespace}:{channel}"))  # type: ignore[misc]


async def none_on(node: ClusterNode, name: str) -> bool:
    return await node.subscribers(name) == 0


async def test_a_node_that_is_killed_and_comes_back_is_a_loss_for_its_channels_and_for_no_others(
    cluster: ValkeyCluster, here: RedisBus, there: RedisBus, namespace: str
) -> None:
    victim, *others = cluster.owners
    hit = await channels_on(cluster, namespace, victim, 3)
    spared = [channel for node in others for channel in await channels_on(cluster, namespace, node, 3)]
    ears = {channel: Ear() for channel in hit + spared}
    for channel, ear in ears.items():
        await there.listen(channel, ear)

    await victim.kill()
    await until(lambda: not here.connected and not there.connected)
    for channel in hit + spared:
        here.publish(channel, b"meanwhile")
    for channel in spared:
        assert await ears[channel].hears(1) == [b"meanwhile"]
    assert [ears[channel].heard for channel in hit] == [[]] * 3

    await victim.start()
    for channel in hit:
        await ears[channel].loses(1)
    await until(lambda: here.connected and there.connected)
    for channel in hit + spared:
        here.publish(channel, b"after")
    for channel in hit:
        assert await ears[channel].hears(1) == [b"after"]
    for channel in spared:
        assert await ears[channel].hears(2) == [b"meanwhile", b"after"]
    assert [ears[channel].losses for channel in spared] == [0] * 6
    await cluster.whole()


async def test_what_a_lost_node_did_not_take_is_owned_up_to_by_the_one_that_has_its_slot_next(
    cluster: ValkeyCluster, here: RedisBus, namespace: str
) -> None:
    victim, _, heir = cluster.owners
    (channel,) = await channels_on(cluster, namespace, victim, 1)
    name = f"{namespace}:{channel}"
    await victim.kill()
    await until(lambda: not here.connected)
    here.publish(channel, b"dropped")
    assert await heir.inherits(name, victim) == Wire(namespace).loss()[ORIGIN_SIZE:]
    await victim.start()
    await cluster.whole()

    async def inherited() -> bool:
        return await cluster.owner(name) is heir

    await until(inherited)
    await cluster.move(name, victim)


async def test_a_slot_that_moves_is_a_loss_for_its_channels_and_for_no_others(
    cluster: ValkeyCluster, here: RedisBus, there: RedisBus, namespace: str
) -> None:
    source, target, _ = cluster.owners
    moved, *stay = await channels_on(cluster, namespace, source, 3)
    stay += await channels_on(cluster, namespace, target, 3)
    ears = {channel: Ear() for channel in [moved, *stay]}
    for channel, ear in ears.items():
        await there.listen(channel, ear)

    await cluster.move(f"{namespace}:{moved}", target)
    await ears[moved].loses(1)
    await hears_again(here, moved, ears[moved])
    assert await target.subscribers(f"{namespace}:{moved}") == 1
    for channel in stay:
        here.publish(channel, b"heard")
        assert await ears[channel].hears(1) == [b"heard"]
    assert [ears[channel].losses for channel in stay] == [0] * 5

    await cluster.move(f"{namespace}:{moved}", source)
    await hears_again(here, moved, ears[moved])
    assert await source.subscribers(f"{namespace}:{moved}") == 1


async def test_a_message_that_came_to_the_wrong_node_is_owned_up_to(
    cluster: ValkeyCluster, here: RedisBus, namespace: str
) -> None:
    source, target, _ = cluster.owners
    (channel,) = await channels_on(cluster, namespace, source, 1)
    losses = 0
    for node in (target, source) * 3:  # it looks around now and then, and may see a move in time
        await cluster.move(f"{namespace}:{channel}", node)
        ear = Ear()
        async with RedisBus(cluster.url, namespace=namespace) as informed:
            await informed.listen(channel, ear)
            here.publish(channel, b"to where it was")
            await ear.stirs()
            here.publish(channel, b"heard")
            assert (await ear.hears(1 if ear.losses else 2))[-1] == b"heard"
        losses += ear.losses
    assert losses


async def test_who_listens_by_an_old_view_is_told_where_to(
    cluster: ValkeyCluster, here: RedisBus, namespace: str
) -> None:
    source, target, _ = cluster.owners
    (channel,) = await channels_on(cluster, namespace, source, 1)
    await cluster.move(f"{namespace}:{channel}", target)
    ear = Ear()
    await here.listen(channel, ear)
    assert await target.subscribers(f"{namespace}:{channel}") == 1
    async with RedisBus(cluster.url, namespace=namespace) as informed:
        informed.publish(channel, b"heard")
        assert await ear.hears(1) == [b"heard"]
    assert ear.losses == 0
    await cluster.move(f"{namespace}:{channel}", source)


class Diary(Ear):
    """Remembers the order of what it hears; a loss is None."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[int | None] = []

    @override
    def on_message(self, payload: bytes) -> None:
        self.entries.append(int(payload))
        super().on_message(payload)

    @override
    def on_loss(self) -> None:
        self.entries.append(None)
        super().on_loss()


async def test_while_a_slot_moves_to_and_fro_every_hole_is_followed_by_a_loss(
    cluster: ValkeyCluster, here: RedisBus, there: RedisBus, namespace: str
) -> None:
    source, target, _ = cluster.owners
    (channel,) = await channels_on(cluster, namespace, source, 1)
    diary, numbers = Diary(), count()
    await there.listen(channel, diary)

    async def publish() -> None:
        while True:
            here.publish(channel, b"%d" % next(numbers))
            await asyncio.sleep(0.0005)

    publishing = asyncio.create_task(publish())
    for node in (target, source) * 5:
        losses = diary.losses
        await cluster.move(f"{namespace}:{channel}", node)
        await diary.loses(losses + 1)
    publishing.cancel()
    await asyncio.wait([publishing])
    await until(lambda: here.connected and there.connected)
    await hears_last(here, channel, diary, next(numbers))

    heard = [entry for entry in diary.entries if entry is not None]
    assert heard == sorted(set(heard))
    missed = sorted(set(range(heard[-1])) - set(heard))
    assert missed
    before_last_hole = max(
        index for index, entry in enumerate(diary.entries) if entry is not None and entry < missed[-1]
    )
    assert None in diary.entries[before_last_hole:]


async def hears_last(here: RedisBus, channel: str, diary: Diary, number: int) -> None:
    async def heard() -> bool:
        nonlocal number
        here.publish(channel, b"%d" % number)
        number += 1
        await asyncio.sleep(0.02)
        return diary.entries[-1] == number - 1

    await until(heard)


async def test_when_a_replica_takes_over_its_channels_learn_of_it_and_hear_again() -> None:
    async with ValkeyCluster(spare=1) as cluster:
        victim, *others = cluster.owners
        spare = cluster.nodes[-1]
        await spare.replicate(victim)
        (hit,) = await channels_on(cluster, "transom", victim, 1)
        (spared,) = await channels_on(cluster, "transom", others[0], 1)
        hit_ear, spared_ear = Ear(), Ear()
        async with RedisBus(cluster.url) as here, RedisBus(cluster.url) as there:
            await there.listen(hit, hit_ear)
            await there.listen(spared, spared_ear)
            await victim.kill()
            await until(lambda: not here.connected)
            here.publish(hit, b"dropped")
            await hit_ear.loses(1)
            await hears_again(here, hit, hit_ear)
            await until(lambda: here.connected and there.connected)
            assert await spare.subscribers(f"transom:{hit}") == 1
            here.publish(spared, b"heard")
            assert await spared_ear.hears(1) == [b"heard"]
            assert (b"dropped" in hit_ear.heard, spared_ear.losses) == (False, 0)


async def test_a_primary_that_steps_down_hands_its_channels_over() -> None:
    async with ValkeyCluster(spare=1) as cluster:
        primary, spare = cluster.nodes[0], cluster.nodes[-1]
        await spare.replicate(primary)
        (channel,) = await channels_on(cluster, "transom", primary, 1)
        ear = Ear()
        async with RedisBus(cluster.url) as here, RedisBus(cluster.url) as there:
            await there.listen(channel, ear)
            await here.listen(channel, Ear())
            await spare.ask("CLUSTER", "FAILOVER")
            await ear.loses(1)
            await until(lambda: here.connected and there.connected)
            assert [await node.subscribers(f"transom:{channel}") for node in (primary, spare)] == [0, 2]
            await hears_again(here, channel, ear)


async def test_a_bus_starts_without_the_cluster_and_finds_it_later(caplog: pytest.LogCaptureFixture) -> None:
    clock = asyncio.get_running_loop().time
    ear = Ear()
    async with ValkeyCluster() as cluster:
        await asyncio.gather(*(node.kill() for node in cluster.nodes))
        began = clock()
        async with RedisBus(cluster.url) as here, RedisBus(cluster.url) as there:
            assert clock() - began < 5
            assert not here.connected
            began = clock()
            await there.listen("a", ear)
            assert clock() - began < 0.5
            there.publish("a", b"near")
            here.publish("a", b"dropped")
            assert ear.heard == [b"near"]
            await asyncio.gather(*(node.start() for node in cluster.nodes))
            await ear.loses(1)
            await until(lambda: here.connected)
            here.publish("a", b"far")
            assert await ear.hears(2) == [b"near", b"far"]
    told = [record.message for record in caplog.records if record.message.startswith("no node tells of the cluster: ")]
    assert len(told) == 2  # once by each


async def test_one_node_that_answers_is_enough_to_find_the_others(cluster: ValkeyCluster) -> None:
    node = cluster.owners[1]
    async with RedisBus(f"redis+cluster://127.0.0.1:1,{node.address}", namespace=next(namespaces)) as bus:
        assert bus.connected


async def test_when_too_many_channels_lost_something_every_listener_is_told(
    cluster: ValkeyCluster, there: RedisBus, namespace: str
) -> None:
    ears = [Ear() for _ in range(9)]
    for number, ear in enumerate(ears):
        await there.listen(f"untouched {number}", ear)
    async with RedisBus(cluster.url, namespace=namespace, backlog=10) as bus:
        for number in range(10_000):
            bus.publish(f"{{a}}{number}", b"dropped, but for ten")
        bus.publish("{a}one more", b"dropped")
        for number in range(10):
            bus.publish(f"{{a}}and {number}", b"dropped")
        for ear in ears:
            await ear.loses(1)
    assert [ear.losses for ear in ears] == [1] * 9


async def test_links_tell_which_node_they_lead_to(cluster: ValkeyCluster, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "transom.pubsub"):
        async with RedisBus(cluster.url, namespace=next(namespaces)):
            pass
    assert sorted(record.message for record in caplog.records) == sorted(
        f"the {what} link to Redis at {node.address} is up"
        for what in ("publishing", "subscribing")
        for node in cluster.owners
    )


def test_the_address_of_a_cluster_names_some_of_its_nodes() -> None:
    address = ClusterAddress.of("rediss+cluster://me:s%40cret@one:7000,two,[::1]:7002/0?ssl_cert_reqs=none")
    assert address
    assert address.seeds == ("one:7000", "two:6379", "[::1]:7002")
    assert address.url("three:7003") == "rediss://me:s%40cret@three:7003/0?ssl_cert_reqs=none"
    assert ClusterAddress.of("redis://one:7000") is None


@pytest.mark.parametrize("url", ["redis+cluster://", "redis+cluster://one?socket_timeout=soon", "http+cluster://one"])
def test_a_url_that_makes_no_sense_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis URL|Invalid value"):
        RedisBus(url)


def test_a_node_that_does_not_name_itself_is_where_it_was_asked() -> None:
    found = owners([[0, 1, [b"", 7000, b"id", []]], [3, 3, [b"::1", 7001, b"id", []], [b"replica", 1, b"id"]]], "asked")
    assert found[:5] == ["asked:7000", "asked:7000", None, "[::1]:7001", None]
    assert len(found) == 16_384
