"""The guides' operations and commands."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from chat.cursors import Cursor
from db import migrate
from server import engines
from server.settings import Settings
from tests.conftest import empty_database
from tests.docs.conftest import Api, Shell
from tests.docs.fences import ROOT, get
from tests.docs.test_readme import settings
from tests.server.served import Served, serving

START = "docs/guide/getting-started.md"
DEPLOY = "docs/guide/deploy.md"


async def test_getting_started_gets_somewhere(slow: Served) -> None:
    api = Api(slow)
    sent = (await api(get(START, "send")))["sendMessage"]
    session = sent["session"]["id"]
    assert sent["session"]["title"] == "Name three uses of a transom."
    assert sent["reply"]["status"] == "PENDING"

    text = ""
    async for event in api.events(get(START, "follow"), id=session):
        if event["__typename"] == "MessageChanged" and event["message"]["id"] == sent["reply"]["id"]:
            text = event["message"]["content"]
        text += event.get("text", "") or event.get("part", {}).get("text", "")
        if event["__typename"] == "RunChanged" and event["run"]["status"] == "COMPLETED":
            break
    assert event["run"]["usage"] == {"outputTokens": 60}

    listed = (await api(get(START, "home")))["sessions"]
    assert listed["edges"][0]["node"]["id"] == session
    assert listed["totalCount"] >= 1
    messages = (await api(get(START, "conversation"), id=session))["session"]["messages"]
    assert messages["pageInfo"]["hasPreviousPage"] is False
    assert [edge["node"]["content"] for edge in messages["edges"]] == ["Name three uses of a transom.", text]


async def test_the_secrets_are_made(shell: Shell, tmp_path: Path) -> None:
    await shell(DEPLOY, "secrets")
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert {name: len(value) for name, value in made.items()} == {"POSTGRES_PASSWORD": 32, "TRANSOM_JWT_SECRET": 43}


def test_a_server_among_others_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(DEPLOY, "server", monkeypatch)
    assert chosen.authenticates
    assert not chosen.loopback
    assert chosen.workers == 4


async def test_the_tables_are_made_before_a_rollout(urls: engines.Urls, shell: Shell) -> None:
    async with empty_database(urls.database) as url:
        assert await shell(DEPLOY, "migrate", TRANSOM_DATABASE_URL=url) == "The database is up to date.\n"
        assert await revision(url) == migrate.newest()


async def revision(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


async def test_a_token_lets_its_bearer_in(urls: engines.Urls, database: str, shell: Shell, tmp_path: Path) -> None:
    secret = "a secret of at least thirty-two bytes"
    token = (await shell(DEPLOY, "token", TRANSOM_JWT_SECRET=secret)).strip()
    there: dict[str, Any] = {
        "database_url": database,
        "redis_url": urls.redis,
        "model_url": "scripted:",
        "jwt_secret": secret,
    }
    async with serving(tmp_path / "log", **there) as served:
        assert (await Api(served, token)("{ viewer { name } }")) == {"viewer": {"name": None}}
        async with httpx.AsyncClient() as http:
            refused = await http.post(served.graphql, json={"query": "{ viewer { id } }"})
    assert refused.status_code == 401


async def test_a_server_says_that_it_is_ready(slow: Served, shell: Shell) -> None:
    assert await shell(DEPLOY, "health", at=slow) == '{"status":"ready","database":"ok","redis":"ok"}'


async def test_a_restored_backup_tells_windows_to_fetch_anew(
    slow: Served, database: str, urls: engines.Urls, shell: Shell, tmp_path: Path
) -> None:
    made = await Api(slow)(
        'mutation ($id: ID!) { createSession(input: {id: $id, title: "Kept"}) { ... on SessionPayload '
        "{ session { id cursor } } } }",
        id=str(uuid4()),
    )
    session = made["createSession"]["session"]
    await shell(DEPLOY, "backup", TRANSOM_DATABASE_URL=database)
    async with empty_database(urls.database) as restored:
        await shell(DEPLOY, "restore", TRANSOM_DATABASE_URL=restored)
        there: dict[str, Any] = {"database_url": restored, "redis_url": urls.redis, "model_url": "scripted:"}
        async with serving(tmp_path / "log", **there) as served:
            kept = await Api(served)("query ($id: ID!) { session(id: $id) { title cursor } }", id=session["id"])
            told = [
                event
                async for event in Api(served).events(
                    "subscription ($id: ID!, $after: String) { session(id: $id, after: $after) "
                    "{ ... on Reset { reason } } }",
                    id=session["id"],
                    after=session["cursor"],
                )
            ]
    assert kept["session"]["title"] == "Kept"
    assert Cursor.parse(kept["session"]["cursor"]).epoch > Cursor.parse(session["cursor"]).epoch
    assert told == [{"reason": "EPOCH"}]


async def test_the_embedded_database_is_backed_up(home: Served, folder: Path, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / ".transom").symlink_to(folder / "data")
    await shell(DEPLOY, "backup-embedded")
    assert (tmp_path / "transom.dump").read_bytes()[:5] == b"PGDMP"


async def test_the_last_migration_is_undone(urls: engines.Urls, shell: Shell) -> None:
    async with empty_database(urls.database) as url:
        await migrate.upgrade(url)
        listed = await shell(DEPLOY, "downgrade", cwd=ROOT, TRANSOM_DATABASE_URL=url)
        assert int(await revision(url)) == int(migrate.newest()) - 1
        assert re.search(rf"-> {migrate.newest()} \(head\)", listed)
        await migrate.upgrade(url)
        assert await revision(url) == migrate.newest()


def test_the_settings_of_compose_are_settings() -> None:
    named = set(re.findall(r"^ +TRANSOM_(\w+):", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))
    assert {name.lower() for name in named} <= Settings.model_fields.keys()
