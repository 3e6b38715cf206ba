"""A Redis or Valkey Cluster: channels spread over its nodes by sharded pub/sub.

A channel is published to the node that has its slot by the newest view, and subscribed where that was. A subscription
stays at its node until the node itself gives it up, or is lost: while slots move, two nodes may differ on who has one,
and whoever believes the wrong one of them is told so in the end. Every move of a subscription is a loss for its
listeners. The view is renewed when a node says that something is not its own, while a link is down, and now and then.
"""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from redis.crc import key_slot

from pubsub import slots
from pubsub.addresses import ClusterAddress
from pubsub.debts import Debts
from pubsub.hub import Hub
from pubsub.link import STEADY_SECONDS, pause_after
from pubsub.node import Node
from pubsub.shards import Shard, ShardPublisher, ShardSubscriber
from pubsub.subscriber import CONFIRM_SECONDS, Subscription
from pubsub.wire import Wire

log = logging.getLogger("transom.pubsub")

VIEW_SECONDS: Final = 10.0


class Cluster:
    """All nodes that have slots, as one. Up when the whole of it is."""

    def __init__(self, address: ClusterAddress, wire: Wire, hub: Hub, *, backlog: int, backlog_bytes: int) -> None:
        self._address = address
        self._wire = wire
        self._hub = hub
        self._backlog = backlog
        self._backlog_bytes = backlog_bytes
        self._nodes: dict[str, Shard] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._owners: list[Shard | None] = [None] * slots.SLOTS
        self._subscriptions: dict[bytes, Subscription] = {}
        self._homes: dict[bytes, Shard] = {}
        self._whole = False
        self._debts = Debts(wire.every_channel)
        self._viewed = asyncio.Event()
        self._doubted = asyncio.Event()
        self._doubter = ""
        self._began = 0.0
        self._told = False

    @property
    def up(self) -> bool:
        """Whether every slot has a node, and all links stand."""
        return (
            self._whole
            and len(self._homes) == len(self._subscriptions)
            and all(node.up for node in self._nodes.values())
        )

    async def keep_up(self) -> None:
        """Hold the links until cancelled."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        failures = 0
        try:
            while True:
                looked = loop.time()
                self._doubted.clear()
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(VIEW_SECONDS if self.up else 0):
                        await self._doubted.wait()
                failures = 1 if loop.time() - looked > STEADY_SECONDS else failures + 1
                await asyncio.sleep(pause_after(failures))
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def wait_up(self, seconds: float) -> None:
        """Return when all links stand, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._viewed.wait()
                await asyncio.gather(*(node.wait_up(seconds) for node in self._nodes.values()))

    async def wait_idle(self, seconds: float) -> None:
        """Return when every node that is reached has taken everything, or after `seconds`."""
        await asyncio.gather(*(node.wait_idle(seconds) for node in self._nodes.values()))

    def publish(self, name: bytes, payload: bytes) -> None:
        """Send `payload` to the node of the channel soon, or remember that it was dropped."""
        owner = self._owners[key_slot(name)]
        if owner:
            owner.publish(name, payload)
        else:
            self._debts.add(name)

    async def join(self, channel: str) -> None:
        """Subscribe to `channel`; return when that is confirmed, or after about two seconds."""
        name = self._wire.name(channel)
        subscription = self._subscriptions.get(name)
        if subscription is None:
            subscription = self._subscriptions[name] = Subscription(channel, name)
            self._house(subscription)
        home = self._homes.get(name)
        await subscription.rely(home.subscriber.patience if home else self._patience)

    def leave(self, channel: str) -> None:
        """Unsubscribe from `channel`."""
        name = self._wire.name(channel)
        self._subscriptions.pop(name, None)
        if home := self._homes.pop(name, None):
            home.leave(channel)

    @property
    def _patience(self) -> float:
        """Seconds that a node is worth waiting for: two, or two after the start while there is no cluster."""
        since = 0.0 if self._viewed.is_set() else asyncio.get_running_loop().time() - self._began
        return max(0.0, CONFIRM_SECONDS - since)

    async def _look(self) -> None:
        """Ask one node after the other, until one knows the cluster."""
        problems = []
        for name in self._candidates():
            try:
                owners = await slots.read(self._address.url(name))
            except Exception as error:
                problems.append(f"{name}: {type(error).__name__}: {error}")
                continue
            if any(owners):
                self._told = False
                await self._believe(owners)
                return
            problems.append(f"{name} is in no cluster")
        if not self._told:
            self._told = True
            log.warning("no node tells of the cluster: %s", "; ".join(problems))

    def _candidates(self) -> Iterator[str]:
        """The node that raised a doubt, for it knows why; those that are up; then the others."""
        standing = [name for name, node in self._nodes.items() if node.up]
        random.shuffle(standing)
        standing.sort(key=lambda name: name != self._doubter)
        return iter(dict.fromkeys([*standing, *self._address.seeds, *self._nodes]))

    async def _believe(self, owners: slots.Owners) -> None:
        present = {name for name in owners if name}
        for name in present - self._nodes.keys():
            node = self._nodes[name] = self._shard(name)
            self._tasks[name] = asyncio.create_task(node.keep_up(), name=f"links to {name}")
        self._owners = [None if name is None else self._nodes[name] for name in owners]
        self._whole = None not in owners
        self._rehouse()
        for name in self._nodes.keys() - present:
            if not self._nodes[name].subscriber.up or self._nodes[name].subscriber.empty:
                await self._part_with(name)
        for node in self._nodes.values():
            if not node.publisher.up:
                self._owe(node)
        self._pay()
        self._viewed.set()

    def _shard(self, name: str) -> Shard:
        url, to = self._address.url(name), f"Redis at {name}"

        def not_here(channel: bytes) -> None:
            self._debts.add(channel)
            self._doubt(name)

        def given_up(subscription: Subscription) -> None:
            del self._homes[subscription.name]
            self._doubt(name)

        return Node(
            ShardSubscriber(url, self._wire, self._hub, to=to, astray=given_up, lost=self._doubted.set),
            ShardPublisher(
                url,
                self._wire,
                backlog=self._backlog,
                backlog_bytes=self._backlog_bytes,
                to=to,
                astray=not_here,
                lost=self._doubted.set,
            ),
        )

    def _doubt(self, node: str) -> None:
        self._doubter = node
        self._doubted.set()

    def _house(self, subscription: Subscription) -> None:
        if owner := self._owners[key_slot(subscription.name)]:
            self._homes[subscription.name] = owner
            owner.subscriber.follow(subscription)

    def _rehouse(self) -> None:
        """Subscribe what no node holds, and what a node held that is lost and has the slot no longer."""
        for name, home in tuple(self._homes.items()):
            if not home.subscriber.up and self._owners[key_slot(name)] is not home:
                del self._homes[name]
                home.subscriber.abandon(self._subscriptions[name])
        for name in self._subscriptions.keys() - self._homes.keys():
            self._house(self._subscriptions[name])

    async def _part_with(self, name: str) -> None:
        node, task = self._nodes.pop(name), self._tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._owe(node)

    def _owe(self, node: Shard) -> None:
        """Take the debts of a node: another one may have the slots."""
        for channel in node.publisher.settle():
            self._debts.add(channel)

    def _pay(self) -> None:
        """Have the loss notices sent by the nodes that have the slots now."""
        for name in self._debts.take():
            # That one reaches all nodes from any of them.
            anywhere = next((node for node in self._nodes.values() if node.up), None)
            owner = anywhere if name == self._wire.every_channel else self._owners[key_slot(name)]
            if owner:
                owner.publisher.owe(name)
            else:
                self._debts.add(name)
