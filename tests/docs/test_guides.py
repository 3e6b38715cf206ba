"""The guides' operations and commands."""

import json
import re
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from redis.asyncio.connection import SSLConnection

import engines
from db import migrate
from pubsub.link import options_of
from server.settings import Settings
from sync.cursors import Cursor
from tests.conftest import empty_database
from tests.docs.conftest import Api, Shell
from tests.docs.fences import ROOT, get
from tests.docs.test_readme import settings
from tests.server.served import Served, serving, until
from tests.server.served import run as transom
from tests.server.test_pages import socket_of
from tests.support.proxy import Proxy

START = "docs/guide/getting-started.md"
AGENTS = "docs/guide/agents.md"
LONG = "docs/guide/long-conversations.md"
BRANCH = "docs/guide/branch.md"
ORGANISE = "docs/guide/organise.md"
QUOTAS = "docs/guide/quotas.md"
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


async def test_an_agent_says_how_the_model_answers(home: Served) -> None:
    api = Api(home)
    agent = (await api(get(AGENTS, "agent")))["createAgent"]["agent"]
    asking = {"agent": agent["id"], "text": "Tell me everything about windows."}
    asked = (await api(get(AGENTS, "ask"), **asking))["sendMessage"]
    assert asked["session"]["agent"] == {"name": "Terse"}
    run = await ended(api, asked["run"]["id"])
    assert (run["status"], 0 < run["usage"]["outputTokens"] <= 40) == ("COMPLETED", True)

    changed = (await api(get(AGENTS, "change"), agent=agent["id"]))["editAgent"]["agent"]
    assert (changed["model"], changed["parameters"], changed["version"]) == ("gpt-5-mini", {"max_tokens": 400}, 2)
    edit = "mutation ($input: EditAgentInput!) { editAgent(input: $input) { __typename } }"
    unknown = await api(edit, input={"id": agent["id"], "parameters": {"patience": 1}})
    assert unknown["editAgent"] == {"__typename": "InvalidInput"}
    elsewhere = await api(edit, input={"id": agent["id"], "provider": "anthropic"})
    assert elsewhere["editAgent"] == {"__typename": "InvalidInput"}


async def test_an_agent_answers_with_data(home: Served) -> None:
    api = Api(home)
    agent = (await api(get(AGENTS, "forecast")))["createAgent"]["agent"]
    asking = {"agent": agent["id"], "text": "How is the weather in Oslo?"}
    run = (await api(get(AGENTS, "ask"), **asking))["sendMessage"]["run"]["id"]
    await until(partial(over, api, run), seconds=60)
    answered = (await api(get(AGENTS, "answer"), run=run))["run"]
    text, data = answered["message"]["parts"]
    assert (answered["status"], answered["finishReason"], answered["error"], text) == ("COMPLETED", "STOP", None, {})
    assert (data["name"], data["value"]) == ("weather", json.loads(answered["message"]["content"]))
    assert -60 <= data["value"].pop("celsius") <= 60
    assert list(data["value"]) == ["city"]


async def ended(api: Api, run: str) -> Any:
    await until(partial(over, api, run), seconds=60)
    query = "query ($run: ID!) { run(id: $run) { status usage { outputTokens } error { code } } }"
    return (await api(query, run=run))["run"]


async def test_a_conversation_outgrows_its_window(slow: Served) -> None:
    api = Api(slow)
    make = (
        'mutation { createAgent(input: {name: "Small", contextTokens: 512}) { ... on AgentPayload { agent { id } } } }'
    )
    asking = {"agent": (await api(make))["createAgent"]["agent"]["id"]}
    asked = (await api(get(AGENTS, "ask"), **asking, text="A long story. " * 60))["sendMessage"]
    session = asked["session"]["id"]
    await ended(api, asked["run"]["id"])
    say = """mutation ($session: ID!, $text: String!) { sendMessage(input: {sessionId: $session, text: $text}) {
        ... on SendMessagePayload { run { id } } } }"""
    more = (await api(say, session=session, text="Another one. " * 60))["sendMessage"]
    assert (await ended(api, more["run"]["id"]))["status"] == "COMPLETED"

    seen = (await api(get(LONG, "see"), session=session))["session"]
    first, reply, *rest = [edge["node"] for edge in seen["messages"]["edges"]]
    assert (seen["context"]["compacted"], seen["context"]["messageCount"]) == ({"id": reply["id"]}, 2)
    assert (seen["context"]["window"], seen["context"]["room"]) == (512, 448)
    assert (reply["compaction"]["messageCount"], reply["compaction"]["source"]) == (2, "MODEL")
    assert [each["compaction"] for each in (first, *rest)] == [None, None, None]
    corrected = await api(get(LONG, "correct"), message=reply["id"], text="Two stories.")
    assert corrected["setCompaction"]["message"]["compaction"] == {"text": "Two stories.", "source": "PERSON"}
    removed = await api(get(LONG, "correct"), message=reply["id"], text=None)
    assert removed["setCompaction"]["message"]["compaction"] is None


async def test_a_conversation_branches(slow: Served) -> None:
    api = Api(slow)
    first = (await api(SEND))["sendMessage"]
    session, message = first["session"]["id"], first["message"]["id"]

    edited = (await api(get(BRANCH, "edit"), message=message, text="Which is the better one?"))["editMessage"]
    assert edited["message"]["siblings"] == {"index": 1, "count": 2, "ids": [message, edited["message"]["id"]]}
    assert edited["session"]["leafId"] == edited["reply"]["id"]
    run = edited["run"]["id"]
    await api("mutation ($run: ID!) { cancelRun(id: $run) { __typename } }", run=run)
    await until(partial(over, api, run))
    retried = (await api(get(BRANCH, "retry"), run=run))["retryRun"]
    assert retried["reply"]["siblings"] == {"index": 1, "count": 2}
    continued = (await api(get(BRANCH, "continue"), run=run))["continueRun"]
    assert continued["reply"]["id"] == edited["reply"]["id"]
    again = (await api(get(BRANCH, "again"), message=edited["message"]["id"]))["replyToMessage"]
    assert again["reply"]["siblings"] == {"index": 2, "count": 3}

    chosen = (await api(get(BRANCH, "choose"), session=session, message=message))["chooseBranch"]["session"]
    assert (chosen["leafId"], chosen["branchChosen"]) == (message, True)
    assert [edge["node"]["id"] for edge in chosen["messages"]["edges"]] == [message]
    around = (await api(get(BRANCH, "around"), session=session, message=again["reply"]["id"]))["session"]["around"]
    assert [edge["node"]["id"] for edge in around["edges"]] == [edited["message"]["id"], again["reply"]["id"]]
    turns = (await api(get(BRANCH, "turns"), session=session))["session"]["turns"]
    assert [edge["node"]["question"]["id"] for edge in turns["edges"]] == [message]

    revise = {"message": message, "text": "Which one?", "version": 1}
    revised = (await api(get(BRANCH, "revise"), **revise))["reviseMessage"]["message"]
    assert (revised["version"], revised["revisions"][0]["content"]) == (2, "Which is better?")
    refused = (await api(get(BRANCH, "revise"), **revise))["reviseMessage"]
    assert refused["current"] == {"content": "Which one?", "version": 2}

    forked = (await api(get(BRANCH, "fork"), session=session, message=message))["forkSession"]["session"]
    assert forked["forkedFrom"] == {"sessionId": session, "messageId": message}
    assert forked["messageCount"] == 1


async def over(api: Api, run: str) -> bool:
    found = (await api("query ($run: ID!) { run(id: $run) { finishedAt } }", run=run))["run"]
    return found["finishedAt"] is not None


SEND = """mutation { sendMessage(input: {text: "Which is better?", reply: false}) {
    ... on SendMessagePayload { session { id } message { id } } } }"""


async def test_sessions_are_organised_thrown_away_and_had_back(slow: Served) -> None:
    api = Api(slow)
    sent = (await api(SEND))["sendMessage"]
    session, message = sent["session"]["id"], sent["message"]["id"]
    work = (await api(get(ORGANISE, "folder"), name="Work"))["createFolder"]["folder"]["id"]
    plans = (await api(get(ORGANISE, "folder"), name="Plans", parent=work))["createFolder"]["folder"]["id"]
    (receipt,) = (await api(get(ORGANISE, "many"), ids=[session], folder=plans))["bulkUpdateSessions"]["receipts"]
    assert receipt["refusal"] is None
    assert (receipt["session"]["folderId"], receipt["session"]["tags"]) == (plans, ["travel"])
    listed = {each["id"]: each for each in (await api(get(ORGANISE, "folders")))["folders"]}
    assert (listed[plans]["parentId"], listed[plans]["sessionCount"], listed[work]["sessionCount"]) == (work, 1, 0)
    moved = (await api(get(ORGANISE, "move"), id=plans, before=work))["moveFolder"]["folder"]
    assert (moved["parentId"], moved["position"] < listed[work]["position"]) == (None, True)
    assert (await api(get(ORGANISE, "unfold"), id=plans))["deleteFolder"] == {"id": plans}

    gone = (await api(get(ORGANISE, "delete"), session=session, message=message))["deleteMessages"]
    assert (gone["count"], gone["session"]["messages"]["edges"]) == (1, [])
    back = (await api(get(ORGANISE, "undo"), session=session, message=message))["restoreMessages"]
    assert back == {"count": 1, "session": {"messageCount": 1}}
    assert (await api(get(ORGANISE, "clear"), session=session))["clearSession"]["count"] == 1
    assert (await api(get(ORGANISE, "unclear"), session=session))["restoreHistory"]["session"]["messageCount"] == 1

    await api(get(ORGANISE, "throw"), ids=[session])
    thrown = (await api(get(ORGANISE, "trash")))["trash"]["edges"]
    assert thrown[0]["node"]["id"] == session
    restored = (await api(get(ORGANISE, "restore"), id=session))["restoreSession"]["session"]
    assert (restored["folderId"], restored["tags"]) == (None, ["travel"])
    assert (await api(get(ORGANISE, "purge"), id=session))["purgeSession"] == {"id": session}


async def test_a_sidebar_shows_what_is_marked_read_and_moved(slow: Served) -> None:
    api = Api(slow)
    sent = (await api(SEND))["sendMessage"]
    session, message = sent["session"]["id"], sent["message"]["id"]
    marked = (await api(get(ORGANISE, "mark"), id=session))["editSession"]["session"]
    assert (marked["tags"], marked["pinnedAt"] is not None) == (["travel", "italy"], True)
    tags = {each["name"]: each["sessionCount"] for each in (await api(get(ORGANISE, "tags")))["viewer"]["tags"]}
    assert tags["italy"] == 1
    archived = (await api(get(ORGANISE, "archive"), id=session))["editSession"]["session"]
    assert archived["archivedAt"] is not None
    listed = (await api(get(ORGANISE, "sidebar"), filter={"tags": ["italy"], "archived": False}))["sessions"]
    assert listed["edges"] == []
    assert (await api(get(ORGANISE, "unread"), id=session))["markUnread"]["session"]["unread"] is True
    assert (await api(get(ORGANISE, "draft"), id=session, text="And"))["saveDraft"]["session"]["draft"] == "And"
    assert (await api(get(ORGANISE, "place"), id=session))["moveSession"]["session"]["id"] == session
    found = (await api(get(ORGANISE, "sidebar"), filter={"tags": ["italy"], "unread": True}))["sessions"]
    assert [edge["node"]["id"] for edge in found["edges"]] == [session]
    counts = found["counts"]
    assert (counts["total"], counts["pinned"], counts["unread"], counts["running"]) == (1, 1, 1, 0)
    assert found["edges"][0]["node"]["draft"] == "And"
    read = (await api(get(ORGANISE, "read"), id=session))["markRead"]["session"]
    assert (read["unread"], read["unreadCount"]) == (False, 0)

    reacted = (await api(get(ORGANISE, "react"), message=message))["setReaction"]["message"]["reactions"]
    assert [(each["emoji"], each["count"]) for each in reacted] == [("👍", 1)]
    rated = (await api(get(ORGANISE, "rate"), message=message))["setFeedback"]["message"]["feedback"]
    assert [each["rating"] for each in rated] == ["BAD"]
    noted = (await api(get(ORGANISE, "note"), message=message))["annotateMessage"]["message"]["annotations"]
    assert noted[0]["range"] == {"part": 0, "start": 9, "end": 15}
    template = (await api(get(ORGANISE, "template")))["createTemplate"]["template"]
    begun = (await api(get(ORGANISE, "begin"), template=template["id"]))["createSession"]["session"]
    assert [edge["node"]["role"] for edge in begun["messages"]["edges"]] == ["SYSTEM", "USER", "ASSISTANT"]
    assert (begun["title"], len(begun["activeRuns"])) == ("A new trip", 1)
    await api("mutation ($run: ID!) { cancelRun(id: $run) { __typename } }", run=begun["activeRuns"][0]["id"])
    state = (await api(get(ORGANISE, "state"), id=session))["setSessionState"]["session"]["state"]
    assert state == {"panel": {"open": True}, "step": 2}


async def test_a_summary_is_written_and_corrected(slow: Served) -> None:
    """2-63."""
    api = Api(slow)
    sent = (await api(SEND))["sendMessage"]
    session, message = sent["session"]["id"], sent["message"]["id"]
    made = (await api(get(ORGANISE, "summarize"), id=session))["summarizeSession"]["session"]["summary"]
    assert (made["messageId"], made["messageCount"], made["source"]) == (message, 1, "MODEL")
    assert made["text"].split() == [str(number) for number in range(60)]
    corrected = (await api(get(ORGANISE, "summary"), id=session, text="Nobody knows."))["editSession"]["session"]
    assert corrected["summary"] == {"text": "Nobody knows.", "source": "PERSON"}
    refused = (await api(get(ORGANISE, "summarize"), id=session))["summarizeSession"]
    assert refused == {"reason": "A person wrote the summary that there is. Edit it, or ask with `replace: true`."}


async def test_limits_hold_as_they_are_set(
    urls: engines.Urls, folder: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1-57, 1-58, 1-60, 2-52, 3-36."""
    chosen = settings(QUOTAS, "settings", monkeypatch)
    names = ("max_sessions", "max_windows", "messages_per_minute", "message_characters")
    limits = {name: getattr(chosen, name) for name in names}
    async with (
        empty_database(urls.database) as url,
        serving(
            folder / "limits.log", database_url=url, redis_url=urls.redis, model_url="scripted:", **limits
        ) as served,
    ):
        api = Api(served)
        made = (await api(get(QUOTAS, "agent")))["createAgent"]["agent"]
        assert made["limits"] == {"messagesPerMinute": 20, "runsPerMinute": 10, "messageCharacters": 500}
        active = (await api(get(QUOTAS, "active"), agent=made["id"]))["editAgent"]["agent"]
        assert active == {"id": made["id"], "activeSessions": 1, "whenFull": "ARCHIVE_OLDEST"}
        for _ in range(2):
            assert (await api(get(QUOTAS, "send"), text="Hi"))["sendMessage"]["message"]
        refused = (await api(get(QUOTAS, "send"), text="Hi"))["sendMessage"]
        assert (refused["limit"], refused["used"], refused["resetAt"] > datetime.now(UTC).isoformat()) == (2, 2, True)
        known = (await api(get(QUOTAS, "limits")))["viewer"]["limits"]
        full = {"limit": 2, "used": 2}
        assert known["messagesPerMinute"].pop("resetAt") == refused["resetAt"]
        assert known == {
            "sessions": full,
            "kilobytes": None,
            "activeRuns": None,
            "windows": {"limit": 1, "used": 0},
            "messagesPerMinute": full,
            "messageCharacters": 4_000,
            "metadataBytes": 65_536,
        }
        long = (await api(get(QUOTAS, "send"), text="x" * 4_001))["sendMessage"]
        assert long == {"reason": "A message has at most 4,000 characters; this one has 4,001."}
        async with aclosing(api.events(FOLLOW)) as window:
            await anext(window)
            with pytest.raises(AssertionError) as error:
                await anext(api.events(FOLLOW))
            assert "'code': 'QUOTA_EXCEEDED', 'limit': 1, 'used': 1" in str(error.value)
        set_ = await shell(QUOTAS, "operator", TRANSOM_DATABASE_URL=url)
        assert [line.split() for line in set_.splitlines()] == [
            ["sessions", "500"],
            ["messages-per-minute", "no", "limit"],
        ]
        assert (await api(get(QUOTAS, "send"), text="Hi"))["sendMessage"]["message"]


FOLLOW = "subscription { changes { __typename ... on CaughtUp { cursor } } }"


async def test_the_secrets_are_made(shell: Shell, tmp_path: Path) -> None:
    await shell(DEPLOY, "secrets")
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert {name: len(value) for name, value in made.items()} == {"POSTGRES_PASSWORD": 32, "TRANSOM_JWT_SECRET": 43}


def test_a_server_among_others_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(DEPLOY, "server", monkeypatch)
    assert chosen.authenticates
    assert not chosen.loopback
    assert chosen.workers == 4


async def test_engines_are_reached_with_tls(urls: engines.Urls) -> None:
    exported = dict(re.findall(r'^export (\w+)="?([^"\s]+)"?$', get(DEPLOY, "tls"), re.MULTILINE))
    assert options_of(exported["TRANSOM_REDIS_URL"])[0] is SSLConnection
    async with empty_database(urls.database) as database, Proxy(Path(await socket_of(database))) as proxy:
        name = database.partition("?")[0].rpartition("/")[2]
        plain = f"postgresql://transom@127.0.0.1:{proxy.port}/{name}"
        assert (await transom("migrate", database_url=plain))[0] == 0
        encrypted = f"{plain}?{exported['TRANSOM_DATABASE_URL'].partition('?')[2]}"
        code, _, errors = await transom("migrate", database_url=encrypted)
    assert (code, "does not speak TLS" in errors) == (1, True)


def test_pages_of_other_addresses_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(DEPLOY, "origins", monkeypatch).origins == [
        "https://chat.example.com",
        "https://staging.example.com",
    ]


def test_a_page_of_ones_own_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(START, "origins", monkeypatch).origins == ["http://localhost:5173"]


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
                    "subscription ($id: ID!, $after: SyncCursor) { session(id: $id, after: $after) "
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


def test_compose_passes_every_setting_on_but_those_of_the_image() -> None:
    """The image says where it listens and keeps its data; the port is published as TRANSOM_PORT says."""
    named = set(re.findall(r"^ +TRANSOM_(\w+):", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE))
    assert {name.lower() for name in named} == Settings.model_fields.keys() - {"host", "port", "data_dir"}
