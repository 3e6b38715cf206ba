"""`transom serve` without any setting but its folder: the engines that it brings along, and what they keep."""

from pathlib import Path
from typing import Any

import asyncpg
import pytest

import engines
from tests.engines.processes import pids_of
from tests.server.callers import Caller
from tests.server.conftest import MODEL
from tests.server.served import group, serving, until


async def test_a_restart_keeps_everything_and_leaves_no_process_behind(folder: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "log", data_dir=folder) as served, Caller.at(served.graphql) as caller:
        session_id = (await caller.send("Say hello."))["session"]["id"]
        await until(lambda: caller.is_settled(session_id), seconds=60)
        viewer = await caller.get("{ viewer { id } }")
        written = await caller.read(session_id)
        started = pids_of(folder)
        served.ask_to_end()
        assert await served.ended(10) == 0
        assert group(served.process.pid) == []
    assert started
    assert pids_of(folder) == []

    async with serving(tmp_path / "log", data_dir=folder) as served, Caller.at(served.graphql) as caller:
        assert await caller.get("{ viewer { id } }") == viewer
        kept = await caller.read(session_id)

    replies = [edge["node"] for edge in kept["messages"]["edges"]]
    assert [reply["status"] for reply in replies] == ["COMPLETE", "COMPLETE"]
    assert replies[1]["content"] != ""
    assert kept["messages"] == written["messages"]


async def test_a_killed_server_is_taken_over_by_the_next_one(folder: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data_dir": folder, "model_url": MODEL}
    async with serving(tmp_path / "log", **settings) as served, Caller.at(served.graphql) as caller:
        session_id = (await caller.send("Remember this."))["session"]["id"]
        await until(lambda: caller.is_settled(session_id))
        served.kill()
        assert await served.ended() == -9
    left = pids_of(folder)
    assert left

    async with serving(tmp_path / "log", **settings) as served, Caller.at(served.graphql) as caller:
        assert set(pids_of(folder, "postgres*")) & set(left), "the engines were adopted"
        texts = [message["content"] for message in await caller.messages(session_id)]
        assert texts == ["Remember this.", "It is so."]
        served.ask_to_end()
        assert await served.ended(10) == 0

    assert pids_of(folder) == []


async def test_two_servers_share_a_folder_and_the_last_one_ends_the_engines(folder: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data_dir": folder, "model_url": MODEL}
    async with serving(tmp_path / "one", **settings) as one, Caller.at(one.graphql) as caller:
        session_id = (await caller.send("To both."))["session"]["id"]
        async with serving(tmp_path / "other", **settings) as other, Caller.at(other.graphql) as reader:
            await until(lambda: reader.is_settled(session_id))
            one.ask_to_end()
            assert await one.ended(10) == 0
            assert [message["content"] for message in await reader.messages(session_id)] == ["To both.", "It is so."]
    assert pids_of(folder) == []


@pytest.mark.parametrize("names", ["database", "redis"])
async def test_a_part_of_ones_own_replaces_the_embedded_one(
    folder: Path, tmp_path: Path, urls: engines.Urls, database: str, names: str
) -> None:
    given: dict[str, Any] = {"database": {"database_url": database}, "redis": {"redis_url": urls.redis}}[names]
    async with serving(tmp_path / "log", data_dir=folder, model_url=MODEL, **given) as served:
        async with Caller.at(served.graphql) as caller:
            session_id = (await caller.send("Hello"))["session"]["id"]
            await until(lambda: caller.is_settled(session_id))
        running = {name for name in ("postgres", "valkey") if pids_of(folder, f"{name}*")}
    assert running == {"database": {"valkey"}, "redis": {"postgres"}}[names]
    if names == "database":
        connection = await asyncpg.connect(database)
        assert await connection.fetchval("SELECT count(*) FROM messages WHERE session_id = $1", session_id) == 2
        await connection.close()
