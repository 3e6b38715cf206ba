"""Something is taken away while tokens flow. Nothing may be lost, doubled, reordered, or go on for ever."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.checker import Verdict
from tests.chaos.conftest import COUNT, LEASE, Scene
from tests.chaos.watching import Watched, watched
from tests.server.callers import SEND, SETTLED, Caller
from tests.server.served import serving, until
from tests.support.proxy import Proxy

ROOT = Path(__file__).parents[2]
MID = COUNT // 4
"""Numbers after which the fault comes."""

pytestmark = pytest.mark.timeout(110)


async def test_a_server_is_killed(scene: Scene) -> None:
    other = scene.other.graphql
    async with (
        serving(scene.logs / "doomed.log", **scene.settings | {"lease": 1}) as doomed,
        watched([doomed.graphql, other], [other], whole=COUNT) as session,
    ):
        session.writer.servers = (doomed.graphql, other)
        await session.writer.ask(session.id, at=doomed.graphql)
        async with session.writer.writing(session.id):
            await session.until_reads(MID)
            doomed.kill()
            await doomed.ended()
            end = await session.ended(seconds=25)
        assert await session.verdict() == Verdict()
        assert [window.attached for window in session.windows] == [2, 2, 1, 1]
    assert end == "INTERRUPTED"


async def test_redis_is_killed_and_comes_back_empty(scene: Scene) -> None:
    async with watched([scene.one.graphql], [scene.other.graphql], whole=COUNT) as session:
        await session.writer.ask(session.id, at=scene.one.graphql)
        async with session.writer.writing(session.id):
            await session.until_reads(MID)
            await scene.engines.valkey.kill()
            near, *_, far = session.windows
            await near.until(lambda shown: shown.count >= MID + 20)
            await scene.engines.valkey.start()
            deltas = far.deltas
            await far.until(lambda shown: shown.deltas >= deltas + 20 or shown.status in SETTLED, seconds=20)
            end = await session.ended(seconds=25)
        assert await session.verdict() == Verdict()
    assert end == "COMPLETE"


LIMITS = "{ viewer { limits { messagesPerMinute { limit used } } } }"


async def test_rates_are_open_while_redis_is_away_and_hold_again_when_it_is_back(scene: Scene) -> None:
    """1-57. The bus and the rates have one Redis; messages are taken and answered without it, and nothing is lost."""
    log = scene.logs / "limited.log"
    async with (
        serving(log, **scene.settings | {"messages_per_minute": 1}) as limited,
        watched([scene.other.graphql], [limited.graphql], whole=COUNT) as session,
    ):
        far, *_, near = session.windows
        assert await is_refused(session)
        assert await used(session) == 1
        await scene.engines.valkey.kill()
        await session.writer.ask(session.id)
        async with session.writer.writing(session.id):
            await near.until(lambda shown: shown.count >= COUNT - MID)  # long enough to ask Redis again
            assert await used(session) is None
        await scene.engines.valkey.start()
        await far.until(lambda shown: shown.count >= MID, seconds=20)
        end = await session.ended(seconds=25)
        await until(lambda: is_refused(session))
        assert await session.verdict() == Verdict()
        assert len(session.writer.acknowledged) > 5
    assert end == "COMPLETE"
    assert log.read_text().count("Rates are not enforced until Redis answers") == 1
    assert log.read_text().count("Rates are enforced again.") == 1


async def is_refused(session: Watched) -> bool:
    """Whether one more message is one too many."""
    more = {"text": "One more", "sessionId": session.id, "reply": False}
    caller = await session.writer.caller(session.servers[0])
    return bool((await caller.get(SEND, input=more))["sendMessage"]["__typename"] == "QuotaExceeded")


async def used(session: Watched) -> int | None:
    """How many messages count, as far as is known."""
    caller = await session.writer.caller(session.servers[0])
    held = (await caller.get(LIMITS))["viewer"]["limits"]["messagesPerMinute"]
    assert held["limit"] == 1
    number: int | None = held["used"]
    return number


async def test_postgresql_is_stopped_at_once_and_is_away_for_longer_than_a_lease(scene: Scene) -> None:
    async with watched([scene.one.graphql], [scene.other.graphql], whole=COUNT) as session:
        await session.writer.ask(session.id, at=scene.one.graphql)
        async with session.writer.writing(session.id):
            await session.until_reads(MID)
            await scene.engines.database.stop()
            session.windows[0].lose()
            await session.writer.fails()
            await asyncio.sleep(LEASE)  # how long it is away; nobody waits for anything
            await scene.engines.database.start()
            end = await session.ended(seconds=25)
        assert await session.verdict() == Verdict()
        assert [window.attached for window in session.windows] == [2, 1, 1, 1]
    assert end == "COMPLETE"
    assert "database system was not properly shut down; automatic recovery in progress" in scene.engines.database.log


@pytest.mark.parametrize(
    ("take_away", "back_at"),
    [(Proxy.cut, 2 * MID), (Proxy.half_open, COUNT)],
    ids=["cut, and mended mid-token", "half-open, and mended when nothing follows any more"],
)
async def test_links_to_redis_are_taken_away(scene: Scene, take_away: Callable[[Proxy], None], back_at: int) -> None:
    async with (
        watched([scene.one.graphql], [scene.other.graphql], whole=COUNT, each=1) as near,
        watched([scene.one.graphql], [scene.other.graphql], whole=COUNT, each=1) as far,
    ):
        await near.writer.ask(near.id, at=scene.one.graphql)
        await far.writer.ask(far.id, at=scene.other.graphql)
        await asyncio.gather(near.until_reads(MID), far.until_reads(MID))
        take_away(scene.way)
        (here, _), (_, there) = near.windows, far.windows
        await asyncio.gather(*(each.until(lambda shown: shown.count >= back_at) for each in (here, there)))
        scene.way.mend()
        ends = await asyncio.gather(near.ended(seconds=25), far.ended(seconds=25))
        assert await near.verdict() == await far.verdict() == Verdict()
    assert set(ends) == {"COMPLETE"}


async def test_a_third_of_what_processes_tell_each_other_is_lost(scene: Scene) -> None:
    lossy = scene.lossy
    lossy.dropped = lossy.passed = 0
    async with (
        watched([scene.one.graphql], [scene.other.graphql], whole=COUNT) as near,
        watched([scene.one.graphql], [scene.other.graphql], whole=COUNT) as far,
    ):
        lossy.loss = 1 / 3
        try:
            await near.writer.ask(near.id, at=scene.one.graphql)
            await far.writer.ask(far.id, at=scene.other.graphql)
            # The last doorbell may be lost: the next comparison of numbers, every ten seconds, finds that.
            ends = await asyncio.gather(near.ended(seconds=25), far.ended(seconds=25))
            assert await near.verdict() == await far.verdict() == Verdict()
        finally:
            lossy.loss = 0.0
    assert set(ends) == {"COMPLETE"}
    assert lossy.dropped > COUNT // 3
    assert lossy.passed > lossy.dropped


START = """
mutation ($input: StartRunInput!) {
  startRun(input: $input) { ... on HeldRunPayload { run { id epoch } } }
}
"""


async def test_a_producer_is_killed_and_another_takes_over(scene: Scene) -> None:
    async with watched([scene.one.graphql], [scene.other.graphql], whole=COUNT) as session:
        run_id = await started(session)
        async with producer(scene.one.graphql, run_id, 1, 0, 0.02, 1) as first:
            await session.until_reads(MID)
            first.kill()
            stored = await output(first)
        old = numbers(stored)
        async with producer(scene.other.graphql, run_id, 0, 0, 0.02, 1) as second:
            await session.until_reads(MID * 2)
            async with producer(scene.one.graphql, run_id, 1, len(old), 0.02, 1) as come_back:
                refused = await output(come_back)
            said = await output(second)
        new = numbers(said)
        await acknowledge(session, old + new)
        assert await session.ended(seconds=25) == "COMPLETE"
        assert await session.verdict() == Verdict()
    assert refused == ["The server refuses: Another producer has taken this run over. Stop producing."]
    assert (said[0], said[-1]) == ("took over 2", "finished")
    assert new[0] in (len(old), len(old) + 1)  # the last answer may not have reached the first one
    assert new[-1] == COUNT - 1


async def test_two_hundred_windows_lose_their_connections_at_once(scene: Scene) -> None:
    async with watched([scene.one.graphql], [scene.other.graphql], whole=COUNT, each=100) as session:
        run_id = await started(session)
        async with producer(scene.one.graphql, run_id, 1, 0, 0.05, 2) as app:
            await session.until_reads(MID)
            for window in session.windows:
                window.lose()
            await session.until_all(lambda shown: shown.attached == 2, seconds=20)
            writing = (await session.reply())["status"]
            said = await output(app)
        await acknowledge(session, numbers(said))
        assert await session.ended(seconds=25) == "COMPLETE"
        assert await session.verdict() == Verdict()
        assert {window.attached for window in session.windows} == {2}
    assert writing == "STREAMING"
    assert numbers(said) == list(range(COUNT))


async def started(session: Watched) -> str:
    """A run of an app's own; its id."""
    question = list(session.writer.acknowledged)[-1]
    async with Caller.at(session.servers[0]) as caller:
        held = (await caller.get(START, input={"messageId": question}))["startRun"]
    assert held["run"]["epoch"] == 1
    return str(held["run"]["id"])


async def acknowledge(session: Watched, stored: Sequence[int]) -> None:
    """Notes what a producer was told to be stored."""
    session.writer.acknowledged[(await session.reply())["id"]] = list(stored)


@asynccontextmanager
async def producer(*words: object) -> AsyncIterator[Process]:
    """An app at work: its address, run, epoch, first number, pause, and numbers at once."""
    url, run_id, epoch, first, pause, at_once = map(str, words)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.producer", url, run_id, epoch, first, str(COUNT - 1), pause, at_once),
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def output(process: Process) -> list[str]:
    """What an app says until it ends, line by line."""
    async with asyncio.timeout(20):
        said, _ = await process.communicate()
    return said.decode().splitlines()


def numbers(said: Sequence[str]) -> list[int]:
    """What an app was told to be stored."""
    return [int(word) for line in said if line.startswith("stored") for word in line.split()[1:]]
