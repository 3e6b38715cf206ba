"""Engines live as long as any server of their folder, whatever happens to one of them."""

import asyncio
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis

from engines import EngineError, Urls, running
from tests.engines.processes import bystander, leave, main_pid, parent_of, pids_of, serve, settings_of, until


async def written(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
    await connection.execute("INSERT INTO kept VALUES ('rain')")
    await connection.close()


async def read(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT word FROM kept")
    await connection.close()
    return [row["word"] for row in rows]


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def test_engines_of_a_killed_server_are_taken_over_and_then_stopped(folder: Path) -> None:
    server, urls = serve(folder)
    await written(urls.database)
    before = pids_of(folder)
    server.kill()
    server.communicate()
    assert set(before) & set(pids_of(folder))
    mains = {name: main_pid(folder, name) for name in ("postgres", "valkey", "model")}
    with running(settings_of(folder, model_url=None)) as again:
        assert again == urls
        assert {name: main_pid(folder, name) for name in mains} == mains
        assert await read(again.database) == ["rain"]
    assert pids_of(folder) == []


def guard_of(folder: Path) -> int | None:
    """The process that ends the engines of a folder in the place of a server that cannot."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if words[-2:-1] == [str(folder).encode()] and words[-3].endswith(b"guard.py"):
                return int(entry.name)
    return None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_engines_end_though_their_server_was_killed(folder: Path, number: signal.Signals) -> None:
    server, _ = serve(folder)
    assert pids_of(folder) != []
    server.send_signal(number)
    server.communicate()
    until(lambda: pids_of(folder) == [], patience=60)
    until(lambda: guard_of(folder) is None)


def test_a_guard_leaves_engines_to_a_server_that_has_come_meanwhile(folder: Path) -> None:
    first, _ = serve(folder)
    guard = guard_of(folder)
    assert guard is not None
    second, _ = serve(folder)
    mains = {name: main_pid(folder, name) for name in ("postgres", "valkey", "model")}
    first.kill()
    first.communicate()
    until(lambda: not Path(f"/proc/{guard}").exists() or parent_of(guard) == 0, patience=60)
    assert {name: main_pid(folder, name) for name in mains} == mains
    leave(second)
    assert pids_of(folder) == []
    assert guard_of(folder) is None


def open_files(pid: int) -> Iterator[str]:
    """What a process has open, but for what it closes meanwhile."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(entry.readlink())


def test_what_a_server_starts_has_no_part_in_its_locks(folder: Path) -> None:
    with running(settings_of(folder)):
        worker = bystander(folder)
        held = set(open_files(worker.pid))
        worker.kill()
        worker.wait()
    assert not [path for path in held if path.startswith(str(folder))]


async def test_two_servers_share_and_the_last_one_stops_everything(folder: Path) -> None:
    first, urls = serve(folder)
    second, same = serve(folder)
    assert same == urls
    mains = {name: main_pid(folder, name) for name in ("postgres", "valkey", "model")}
    leave(first)
    assert {name: main_pid(folder, name) for name in mains} == mains
    await written(urls.database)
    leave(second)
    assert pids_of(folder) == []


async def test_servers_that_start_together_start_one_set_of_engines(folder: Path) -> None:
    servers: list[tuple[subprocess.Popen[str], Urls]] = []
    threads = [threading.Thread(target=lambda: servers.append(serve(folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({urls for _, urls in servers}) == 1
    await written(servers[0][1].database)
    for server, _ in servers:
        server.send_signal(signal.SIGTERM)
    for server, _ in servers:
        assert server.communicate()[0] == "drained\n"
    assert pids_of(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_lets_the_server_finish_first(folder: Path, number: signal.Signals) -> None:
    server, _ = serve(folder)
    os.killpg(server.pid, number)
    assert server.communicate()[0] == "drained\n"
    assert server.returncode == 0
    assert pids_of(folder) == []


async def test_a_dead_postgres_comes_back_at_the_same_address(folder: Path) -> None:
    with running(settings_of(folder)) as urls:
        await written(urls.database)
        dead = main_pid(folder, "postgres")
        began = time.monotonic()
        kill(dead)
        words = await eventually_read(urls.database)
        assert words == ["rain"]
        assert time.monotonic() - began < 3
        assert main_pid(folder, "postgres") != dead
    assert pids_of(folder) == []


async def test_a_busy_query_does_not_delay_the_return_of_postgres(folder: Path) -> None:
    with running(settings_of(folder)) as urls:
        await written(urls.database)
        connection = await asyncpg.connect(urls.database)
        busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 10000000000)"))
        watcher = await asyncpg.connect(urls.database)
        while not await watcher.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%'"):
            pass
        began = time.monotonic()
        kill(main_pid(folder, "postgres"))
        assert await eventually_read(urls.database) == ["rain"]
        assert time.monotonic() - began < 3
        with pytest.raises((asyncpg.PostgresError, ConnectionError)):
            await busy
        connection.terminate()
        watcher.terminate()


def test_a_dead_valkey_comes_back_at_the_same_address(folder: Path) -> None:
    with running(settings_of(folder)) as urls, redis.Redis.from_url(urls.redis) as client:
        client.ping()
        for _ in range(2):
            dead = main_pid(folder, "valkey")
            kill(dead)
            until(lambda dead=dead: dead not in pids_of(folder, "valkey"))  # type: ignore[misc]
            until(lambda: answers(client), patience=3)
    assert pids_of(folder) == []


def test_a_dead_model_comes_back_at_the_same_address(folder: Path) -> None:
    with running(settings_of(folder, model_url=None)) as urls:

        def serves() -> bool:
            try:
                return httpx.get(f"{urls.model}/models", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        until(serves, patience=30)
        kill(main_pid(folder, "model"))
        until(lambda: not serves())
        until(serves, patience=30)
    assert pids_of(folder) == []


async def test_of_two_servers_one_brings_a_dead_engine_back(folder: Path) -> None:
    first, urls = serve(folder)
    second, _ = serve(folder)
    with redis.Redis.from_url(urls.redis) as client:
        for _ in range(3):
            kill(main_pid(folder, "valkey"))
            until(lambda: answers(client), patience=5)
            assert len(pids_of(folder, "valkey")) == 1
    leave(first)
    leave(second)
    assert pids_of(folder) == []


async def test_after_a_crash_of_the_machine_everything_starts_and_nothing_is_lost(folder: Path) -> None:
    server, urls = serve(folder)
    await written(urls.database)
    kill(server.pid, *pids_of(folder))
    server.communicate()
    until(lambda: pids_of(folder) == [])
    assert (folder / "postgres" / "postmaster.pid").exists()
    with running(settings_of(folder)) as again:
        assert await read(again.database) == ["rain"]
    assert pids_of(folder) == []


async def test_a_stale_process_id_that_another_program_has_now_is_not_in_the_way(folder: Path) -> None:
    server, urls = serve(folder)
    await written(urls.database)
    kill(server.pid, *pids_of(folder))
    server.communicate()
    until(lambda: pids_of(folder) == [])
    other = bystander(folder / "postgres")
    for stale in (folder / "postgres" / "postmaster.pid", folder / "run" / ".s.PGSQL.5432.lock"):
        _, *rest = stale.read_text().splitlines()
        stale.write_text("\n".join([str(other.pid), *rest, ""]))
    with running(settings_of(folder)) as again:
        assert await read(again.database) == ["rain"]
    assert other.poll() is None
    other.kill()
    other.wait()


def test_an_engine_that_hangs_is_replaced_at_the_next_start(folder: Path) -> None:
    server, _ = serve(folder)
    hung = {name: main_pid(folder, name) for name in ("postgres", "valkey")}
    server.kill()
    server.communicate()
    for pid in hung.values():
        os.kill(pid, signal.SIGSTOP)
    with running(settings_of(folder)) as urls, redis.Redis.from_url(urls.redis) as client:
        assert answers(client)
        assert not set(hung.values()) & set(pids_of(folder))


def test_a_postgres_that_someone_else_started_is_left_alone(folder: Path) -> None:
    server, _ = serve(folder)
    main = main_pid(folder, "postgres")
    server.kill()
    server.communicate()
    # A lock file that says nothing is what a server started by hand looks like.
    (folder / "locks" / "postgres").rename(folder / "locks" / "hidden")
    with pytest.raises(EngineError) as refusal, running(settings_of(folder)):
        pass
    assert refusal.value.reason == (
        f"A PostgreSQL that Transom has not started (process {main}) is using {folder}/postgres. "
        "Stop it, or set TRANSOM_DATA_DIR to another folder."
    )
    assert main in pids_of(folder, "hidden")
    (folder / "locks" / "hidden").rename(folder / "locks" / "postgres")
    with running(settings_of(folder)):
        pass


def test_a_folder_deleted_under_a_server_leaves_no_process(folder: Path) -> None:
    data = folder / "data"
    server, _ = serve(data)
    mains = [main_pid(data, name) for name in ("postgres", "valkey", "model")]
    shutil.rmtree(data)
    server.communicate("")
    for pid in mains:
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists() or parent_of(pid) == 0)  # type: ignore[misc]


async def eventually_read(url: str) -> list[str]:
    """What is stored, asked for again while the database is away; the one killed does not answer."""
    until_time = time.monotonic() + 10
    while True:
        try:
            return await read(url)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            assert time.monotonic() < until_time


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
