"""The README's session, as a reader has it: the real server, the real model, curl and Node."""

import asyncio
import json
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.settings import Settings
from tests.docs.conftest import Api, Shell, addressed, run
from tests.docs.fences import get
from tests.server.served import Served

PAGE = "README.md"


async def test_a_session_is_created_once(home: Served, shell: Shell) -> None:
    first, second = await shell(PAGE, "create", at=home), await shell(PAGE, "create", at=home)
    session = {"id": "8f2b7c1e-3d54-4c6a-9a0e-2f6d1b9c4e70"}
    assert json.loads(first) == json.loads(second) == {"data": {"createSession": {"session": session}}}
    assert (await Api(home)("{ sessions { totalCount } }"))["sessions"]["totalCount"] >= 1


@asynccontextmanager
async def window(served: Served) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The events that the README's window prints."""
    text = addressed(get(PAGE, "follow"), served)
    curl = await asyncio.create_subprocess_exec("bash", "-euc", f"exec {text}", stdout=PIPE, stderr=PIPE)
    assert curl.stdout
    printed = curl.stdout

    async def events() -> AsyncIterator[dict[str, Any]]:
        while line := await printed.readline():
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])["data"]["session"]

    try:
        async with asyncio.timeout(60):
            yield events()
    finally:
        curl.kill()
        await curl.communicate()


async def test_a_reply_arrives_in_every_window(home: Served, shell: Shell) -> None:
    await shell(PAGE, "create", at=home)
    async with window(home) as first, window(home) as second:
        for each in (first, second):
            while (await anext(each))["__typename"] != "CaughtUp":
                pass
        said = json.loads(await shell(PAGE, "say", at=home))["data"]["sendMessage"]
        seen = [await until_complete(each) for each in (first, second)]
    assert said["run"]["status"] == "QUEUED"
    assert seen[0] == seen[1]
    assert len(seen[0]) > 20


async def until_complete(events: AsyncIterator[dict[str, Any]]) -> str:
    """The reply at its end, to which every delta has led without a gap."""
    text = ""
    async for event in events:
        if event["__typename"] == "TextDelta":
            assert event["offset"] == len(text.encode("utf-16-le")) // 2
            text += event["text"]
        elif event["__typename"] == "PartChanged":
            assert text == ""
            text = event["part"]["text"]
        elif event["__typename"] == "MessageChanged" and event["message"]["role"] == "ASSISTANT":
            reply = event["message"]
            if reply["status"] == "COMPLETE":
                assert reply["content"] == text
                return text
            text = reply["content"]
    raise AssertionError("The stream ended.")


async def test_the_javascript_client_prints_the_reply(home: Served, modules: Callable[..., Path]) -> None:
    printed = await run("node", "chat.mjs", cwd=modules(home, (PAGE, "chat.mjs")))
    found = await Api(home)(
        "{ sessions(first: 1) { edges { node { messages(last: 1) { edges { node { content } } } } } } }"
    )
    (session,) = found["sessions"]["edges"]
    (reply,) = session["node"]["messages"]["edges"]
    assert printed == reply["node"]["content"] != ""


def settings(page: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a block exports; each of its variables must be one."""
    exported = dict(re.findall(r"^export TRANSOM_(\w+)=(\S+)$", get(page, name), re.MULTILINE))
    assert len(exported) == len(get(page, name).splitlines())
    assert {variable.lower() for variable in exported} <= Settings.model_fields.keys()
    for variable, value in exported.items():
        monkeypatch.setenv(f"TRANSOM_{variable}", value)
    return Settings()


def test_the_engines_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(PAGE, "engines", monkeypatch)
    assert chosen.database_url == "postgresql://transom:secret@db.example.com:5432/transom"
    assert chosen.redis_url == "redis://cache.example.com:6379/0"
    assert chosen.model_url is None


@pytest.mark.parametrize(
    ("block", "provider", "url"),
    [
        ("openai", "openai", "https://api.openai.com/v1"),
        ("compatible", "openai", "http://127.0.0.1:11434/v1"),
        ("anthropic", "anthropic", "https://api.anthropic.com"),
    ],
)
def test_a_provider_is_chosen(block: str, provider: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(PAGE, block, monkeypatch)
    assert (chosen.model_provider, chosen.model_url) == (provider, url)
    assert chosen.model_name
