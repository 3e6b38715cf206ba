"""`transom serve` on the databases that people have, from the first migration to the last token."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import empty_database
from tests.databases.conftest import name_of
from tests.server.callers import Caller
from tests.server.served import serving, until
from tests.server.tokens import SECRET, token
from tests.server.windows import Window
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Postgres
from tests.support.redis_server import RedisServer

NUMBERS = "".join(f"{number} " for number in range(600))
COUNTING = "scripted:?tokens=600&interval=0.01"


@pytest.fixture
async def settings(debian: Postgres) -> AsyncIterator[tuple[PgBouncer, dict[str, Any]]]:
    """Debian's PostgreSQL, PgBouncer with one connection to it, and Debian's Redis."""
    async with (
        empty_database(debian.url) as database,
        PgBouncer(database, size=1) as pooler,
        RedisServer() as redis,
    ):
        yield pooler, {"database_url": pooler.url(name_of(database)), "redis_url": redis.url, "model_url": COUNTING}


async def test_a_reply_outlives_the_pooler(settings: tuple[PgBouncer, dict[str, Any]], tmp_path: Path) -> None:
    pooler, given = settings
    async with (
        serving(tmp_path / "log", may_complain=True, **given) as served,
        Caller.at(served.graphql) as caller,
    ):
        session_id = (await caller.send("Count!"))["session"]["id"]
        async with Window.on(served.socket, session_id) as window:
            await window.until(lambda shown: shown.deltas >= 100)
            await pooler.kill()
            assert (await caller.ask("{ viewer { id } }")).codes == ["SERVICE_UNAVAILABLE"]
            await pooler.start()
            await window.until(lambda shown: shown.runs[-1:] == ["COMPLETED"], seconds=60)
            assert window.reply == NUMBERS
        (_, reply) = await caller.messages(session_id)
        assert (reply["status"], reply["content"]) == ("COMPLETE", NUMBERS)
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_two_people_through_one_connection(settings: tuple[PgBouncer, dict[str, Any]], tmp_path: Path) -> None:
    _, given = settings
    given = given | {"model_url": "scripted:?text=So.", "jwt_secret": SECRET}
    async with (
        serving(tmp_path / "log", **given) as served,
        Caller.at(served.graphql, token("ada")) as ada,
        Caller.at(served.graphql, token("eve")) as eve,
    ):
        mine, theirs = [(await each.send("Hi"))["session"]["id"] for each in (ada, eve)]

        async def looks(caller: Caller, own: str, other: str) -> None:
            seen = await caller.ask(f'{{ a: session(id: "{own}") {{ id }} b: session(id: "{other}") {{ id }} }}')
            assert (seen.data["a"]["id"], seen.data["b"]) == (own, None)

        await asyncio.gather(*(looks(*who) for who in [(ada, mine, theirs), (eve, theirs, mine)] * 5))
        for caller, own in ((ada, mine), (eve, theirs)):
            await until(lambda caller=caller, own=own: caller.is_settled(own))  # type: ignore[misc]
