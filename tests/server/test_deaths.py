"""A process that is killed is missed at once on its own machine; leases would last ten minutes here."""

import os
import signal
from uuid import UUID

import asyncpg

from tests.server.callers import Caller
from tests.server.conftest import Start
from tests.server.served import Served, until
from tests.server.test_endings import NUMBERS, SLOWLY
from tests.server.windows import Window

LEASE = 600


async def begun(served: Served) -> str:
    """A session at a server whose reply has begun."""
    async with Caller.at(served.graphql) as caller:
        session_id: str = (await caller.send("Count!"))["session"]["id"]
    async with Window.on(served.socket, session_id) as window:
        await window.until(lambda shown: shown.deltas >= 5)
    return session_id


async def producer(database: str, session_id: str) -> int:
    """The id of the process that writes a session's reply."""
    connection = await asyncpg.connect(database)
    try:
        name = await connection.fetchval("SELECT producer FROM runs WHERE session_id = $1", UUID(session_id))
        return int(name.partition("-")[0])
    finally:
        await connection.close()


async def test_the_next_start_ends_what_a_killed_server_was_writing(start: Start) -> None:
    async with start(model_url=SLOWLY, lease=LEASE) as served:
        session_id = await begun(served)
        served.kill()
        await served.ended()
    async with start(model_url=SLOWLY, lease=LEASE) as again, Caller.at(again.graphql) as caller:
        await until(lambda: caller.is_settled(session_id))
        reply = (await caller.messages(session_id))[1]
    assert (reply["status"], reply["run"]["status"]) == ("INTERRUPTED", "INTERRUPTED")
    assert NUMBERS.startswith(reply["content"])
    assert len(reply["content"]) >= len("0 1 2 3 4 ")


async def test_a_window_at_another_worker_hears_of_it_at_once(start: Start, database: str) -> None:
    async with start("--workers", "2", model_url=SLOWLY, lease=LEASE, may_complain=True) as served:
        doomed = await begun(served)
        killed = await producer(database, doomed)
        while (other := await begun(served)) and await producer(database, other) == killed:
            pass
        os.kill(killed, signal.SIGKILL)
        async with Caller.at(served.graphql) as caller:
            await until(lambda: caller.is_settled(doomed))
            assert (await caller.messages(doomed))[1]["status"] == "INTERRUPTED"
            assert (await caller.messages(other))[1]["status"] == "STREAMING"


async def test_a_process_that_is_paused_is_not_dead(start: Start, database: str) -> None:
    async with start(model_url="scripted:?tokens=200&interval=0.05", lease=LEASE) as paused:
        kept = await begun(paused)
        os.kill(await producer(database, kept), signal.SIGSTOP)
        try:
            async with start(model_url=SLOWLY, lease=LEASE) as killed:
                lost = await begun(killed)
                killed.kill()
                await killed.ended()
            async with start(model_url=SLOWLY, lease=LEASE) as third, Caller.at(third.graphql) as caller:
                await until(lambda: caller.is_settled(lost))  # so it has looked
                assert (await caller.messages(kept))[1]["status"] == "STREAMING"
        finally:
            os.kill(await producer(database, kept), signal.SIGCONT)
        async with Caller.at(paused.graphql) as caller:
            await until(lambda: caller.is_settled(kept), seconds=30)
            assert (await caller.messages(kept))[1]["status"] == "COMPLETE"
