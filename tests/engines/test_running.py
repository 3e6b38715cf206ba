"""Each engine is what it should be, and what is stored stays."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from engines import EngineError, Urls, model_process, running
from server.settings import Settings
from tests.engines.processes import leave, owners_of, pids_of, serve, settings_of


async def test_what_is_stored_is_there_at_the_next_start(folder: Path) -> None:
    with running(settings_of(folder)) as urls:
        connection = await asyncpg.connect(urls.database)
        await connection.execute("CREATE TABLE kept (word text)")
        await connection.execute("INSERT INTO kept VALUES ('rain')")
        await connection.close()
    assert pids_of(folder) == []
    with running(settings_of(folder)) as again:
        connection = await asyncpg.connect(again.database)
        assert await connection.fetchval("SELECT word FROM kept") == "rain"
        await connection.close()
    assert again == urls


async def test_the_database_is_safe_deterministic_and_knows_vectors(folder: Path) -> None:
    with running(settings_of(folder)) as urls:
        connection = await asyncpg.connect(urls.database)
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in (
                "server_version_num", "server_encoding", "data_checksums", "fsync", "synchronous_commit",
                "listen_addresses", "unix_socket_permissions",
            )
        }  # fmt: skip
        locale = await connection.fetchrow(
            "SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'transom'"
        )
        await connection.execute("CREATE EXTENSION vector")
        distance = await connection.fetchval("SELECT '[1,2]'::vector <-> '[4,6]'::vector")
        await connection.close()
    assert int(shown.pop("server_version_num")) // 10000 == 18
    assert shown == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
    }
    assert locale is not None
    assert tuple(locale) == ("b", "C.UTF-8")
    assert distance == 5.0


async def test_the_database_url_serves_sqlalchemy(folder: Path) -> None:
    with running(settings_of(folder)) as urls:
        engine = create_async_engine(urls.database.replace("postgresql:", "postgresql+asyncpg:"))
        async with engine.connect() as tx:
            assert await tx.scalar(text("SELECT current_database()")) == "transom"
        await engine.dispose()


def test_valkey_keeps_nothing_and_is_bounded(folder: Path) -> None:
    with running(settings_of(folder)) as urls, redis.Redis.from_url(urls.redis, decode_responses=True) as client:
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("maxmemory") == {"maxmemory": str(256 * 2**20)}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}


def test_the_model_answers_at_the_address_known_at_once(folder: Path) -> None:
    with running(settings_of(folder, model_url=None)) as urls:
        model, answer = ask(urls, "What is the capital of France? One word.")
        log = (folder / "logs" / "model.log").read_text()
    assert model == "SmolLM2-135M-Instruct"
    assert "Paris" in answer
    assert "France" not in log
    assert "Paris" not in log


def test_the_port_of_the_model_is_taken_from_the_first_moment(folder: Path) -> None:
    with running(settings_of(folder, model_url=None)) as urls, socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = httpx.URL(urls.model).port
        assert port is not None
        answering = time.monotonic() + 20
        while not _answers(port):  # at every moment, until it listens itself
            assert time.monotonic() < answering
            with pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", port))


def _answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_a_model_that_cannot_load_says_so(folder: Path) -> None:
    broken = folder / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        done = subprocess.run(
            [sys.executable, "-P", model_process.__file__, str(broken)],
            stdin=place.fileno(), capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"The local model could not be loaded from {broken}" in done.stderr


def test_addresses_that_are_given_start_nothing(folder: Path) -> None:
    absent = folder / "absent"
    settings = Settings(
        data_dir=absent, database_url="postgresql://a/b", redis_url="redis://c", model_url="https://d/v1"
    )
    with running(settings) as urls:
        assert urls == Urls("postgresql://a/b", "redis://c", "https://d/v1")
    assert not absent.exists()


def test_only_what_has_no_address_is_started(folder: Path) -> None:
    settings = Settings(data_dir=folder, database_url="postgresql://a/b", redis_url=None, model_url="https://d/v1")
    with running(settings) as urls, redis.Redis.from_url(urls.redis) as client:
        assert client.ping() is True
        assert len(pids_of(folder)) == 1
    assert (urls.database, urls.model) == ("postgresql://a/b", "https://d/v1")


@pytest.mark.parametrize("name", ["long/" * 30 + "näme", 'a, b "c" ?d=%20#'])
async def test_a_folder_whose_name_no_address_can_hold_has_the_same_addresses_each_time(
    folder: Path, name: str
) -> None:
    deep = folder / name
    with running(settings_of(deep)) as urls:
        connection = await asyncpg.connect(urls.database)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    with running(settings_of(deep)) as again:
        assert again == urls
    place = (deep / "run").readlink()
    assert place.stat().st_mode & 0o077 == 0
    assert str(place).startswith("/tmp/transom-")
    assert len(str(place / ".s.PGSQL.5432")) < 107
    place.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away and take another user's id")
async def test_a_user_without_privileges_has_engines_of_their_own(folder: Path) -> None:
    nobody = 65534
    os.chown(folder, nobody, nobody)
    # The interpreter may lie in root's home; reading through that is all that this user may do more than others.
    user = ("setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups")
    server, urls = serve(folder, *user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--")
    connection = await asyncpg.connect(urls.database)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    assert owners_of(pids_of(folder)) == {nobody}
    leave(server)
    assert pids_of(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as another user only for root")
async def test_root_need_not_open_its_folders_to_others(folder: Path) -> None:
    data = folder / "data"
    os.chmod(folder, 0o700)  # noqa: PTH101
    with running(settings_of(data)) as urls:
        connection = await asyncpg.connect(urls.database)
        assert await connection.fetchval("SELECT pg_is_in_recovery()") is False
        await connection.close()
        owner = os.stat(data / "postgres").st_uid  # noqa: PTH116
        assert owner != 0
        assert owners_of(pids_of(data, "postgres")) == {owner}
    assert os.stat(folder).st_mode & 0o777 == 0o700  # noqa: PTH116


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_data_that_root_owns_is_given_to_the_account_of_postgres(folder: Path) -> None:
    with running(settings_of(folder)):
        pass
    for path in [folder / "postgres", *(folder / "postgres").rglob("*")]:
        os.chown(path, 0, 0)
    with running(settings_of(folder)):
        assert (folder / "postgres" / "PG_VERSION").stat().st_uid != 0


def test_a_file_in_place_of_the_folder_is_explained(folder: Path) -> None:
    taken = folder / "taken"
    taken.write_text("a letter")
    with pytest.raises(EngineError) as refusal, running(settings_of(taken)):
        pass
    assert refusal.value.reason == (
        f"The data folder {taken} cannot be used: a file is in its place. Move it away, "
        "or set TRANSOM_DATA_DIR to a folder that you can write."
    )


def test_data_of_another_postgresql_are_explained_and_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EngineError) as refusal, running(settings_of(folder)):
        pass
    assert refusal.value.reason == (
        f"{folder}/postgres was made by PostgreSQL 17, and this Transom brings 18. Run pg_upgrade on it, "
        "or dump and restore it, or set TRANSOM_DATA_DIR to another folder."
    )
    assert [path.name for path in (folder / "postgres").iterdir()] == ["PG_VERSION"]
    assert pids_of(folder) == []


def test_a_full_disk_is_explained(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs a privilege")
    try:
        with pytest.raises(EngineError) as refusal, running(settings_of(disk)):
            pass
        assert "No space left on device. Free some space on its disk, or set TRANSOM_DATA_DIR" in refusal.value.reason
        assert pids_of(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_engine_that_does_not_start_is_explained_in_its_own_words(folder: Path) -> None:
    with running(settings_of(folder)):
        pass
    (folder / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(EngineError) as refusal, running(settings_of(folder)):
        pass
    assert refusal.value.reason == (
        "PostgreSQL did not start. Its last words: "
        f'but could not open file "{folder}/postgres/global/pg_control": No such file or directory. '
        f"See to that, with more in {folder}/logs/postgres.log, and start again."
    )
    assert pids_of(folder) == []


def test_files_of_another_kind_in_the_folder_are_explained(folder: Path) -> None:
    (folder / "logs" / "valkey.log").mkdir(parents=True)
    with pytest.raises(EngineError) as refusal, running(settings_of(folder)):
        pass
    assert refusal.value.reason.startswith(f"The data folder {folder} cannot be used: Is a directory. See to that")
    assert pids_of(folder) == []


def test_a_first_start_that_was_interrupted_is_begun_again(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    with running(settings_of(folder)):
        assert (folder / "postgres" / "global" / "pg_control").exists()
    assert not (folder / "postgres.new").exists()


def test_a_log_that_has_grown_is_set_aside(folder: Path) -> None:
    (folder / "logs").mkdir()
    (folder / "logs" / "valkey.log").write_bytes(b"x" * (5 * 2**20 + 1))
    with running(settings_of(folder)):
        assert (folder / "logs" / "valkey.log").stat().st_size < 10_000
    assert (folder / "logs" / "valkey.log.1").stat().st_size == 5 * 2**20 + 1


def test_starting_again_is_quick(folder: Path) -> None:
    with running(settings_of(folder, model_url=None)):
        pass
    began = time.perf_counter()
    with running(settings_of(folder, model_url=None)):
        took = time.perf_counter() - began
    assert took < 1.5


def ask(urls: Urls, question: str) -> tuple[str, str]:
    """The name of the model and its answer, asked for again while it is loading."""
    until = time.monotonic() + 30
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": 20, "temperature": 0}
    while True:
        try:
            response = httpx.post(f"{urls.model}/chat/completions", json=body, timeout=30)
            response.raise_for_status()
        except (httpx.ConnectError, httpx.HTTPStatusError):
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            answer = response.json()
            return answer["model"], answer["choices"][0]["message"]["content"]
