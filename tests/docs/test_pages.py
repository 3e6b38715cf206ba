"""The pages as a whole: their blocks, tables and links."""

import re
from pathlib import Path

import pytest

from tests.docs import fences, tables
from tests.docs.fences import PAGES, ROOT, Fence

RUN = {
    "README.md": {"create", "follow", "say", "chat.mjs", "engines", "openai", "compatible", "anthropic"},
    "docs/protocol.md": {"reducer.mjs"},
    "docs/guide/getting-started.md": {"send", "follow", "home", "conversation", "origins"},
    "docs/guide/javascript.md": {"window.mjs", "send.mjs", "queue.mjs", "sidebar.mjs", "account.mjs", "apollo.mjs"},
    "docs/guide/agents.md": {"agent", "answer", "ask", "change", "forecast"},
    "docs/guide/long-conversations.md": {"see", "correct"},
    "docs/guide/models.md": {
        *("file", "whole", "models", "openai", "azure", "anthropic", "mistral", "deepseek", "gemini", "openrouter"),
        *("groq", "vllm", "llamacpp", "ollama", "lmstudio"),
    },
    "docs/guide/organise.md": {
        *("sidebar", "mark", "tags", "archive", "read", "unread", "draft", "place"),
        *("folder", "folders", "move", "unfold", "many", "throw"),
        *("trash", "restore", "purge", "delete", "undo", "clear", "unclear"),
        *("react", "rate", "note", "state", "summarize", "summary", "template", "begin"),
    },
    "docs/guide/branch.md": {
        *("edit", "retry", "continue", "again", "choose", "around", "turns", "revise", "fork"),
    },
    "docs/guide/quotas.md": {"settings", "operator", "agent", "active", "send", "limits"},
    "docs/guide/deploy.md": {
        *("secrets", "server", "migrate", "tls", "origins", "token", "health"),
        *("backup", "backup-embedded", "restore", "downgrade"),
    },
}
"""The blocks that the other modules of this folder run."""

NOT_RUN = {
    ("README.md", "run"): "the tests start the server itself, which `make run` does after the set-up",
    ("README.md", "test"): "it is what runs the tests",
    ("docs/guide/getting-started.md", "run"): "as in the README",
    ("docs/guide/deploy.md", "compose"): "there may be no Docker engine; the file is checked as a file",
    ("docs/guide/deploy.md", "backup-compose"): "as above",
    ("docs/guide/deploy.md", "restore-compose"): "as above",
    ("docs/guide/deploy.md", "restore-compose-role"): "as above",
    ("docs/guide/deploy.md", "proxy"): "there is no nginx",
    ("docs/guide/deploy.md", "upgrade"): "as above",
    ("docs/guide/deploy.md", "role"): "it asks for a password; the tests have a role that may make roles",
    ("docs/guide/deploy.md", "viewer"): "roles belong to the whole server; tests/databases does it on others",
    ("docs/guide/deploy.md", "jit"): "the role of the tests has another name",
    ("docs/guide/deploy.md", "restore-role"): "the PostgreSQL of the tests has the role already",
    ("docs/guide/models.md", "reload"): "tests/server sends the signal to servers of one process and of several",
    ("docs/guide/models.md", "ollama-window"): "there is no Ollama",
    ("CONTRIBUTING.md", "tests"): "it is what runs the tests",
    ("examples/README.md", "producer"): "the tests of producers run the app, and kill what it speaks to",
}

BLOCKS = [fence for page in PAGES for fence in fences.of(page) if fence.language not in {"", "mermaid"}]


@pytest.mark.parametrize("fence", BLOCKS, ids=lambda fence: f"{fence.page}-{fence.name or fence.text[:20]}")
def test_a_block_is_run_or_there_is_a_reason(fence: Fence) -> None:
    assert fence.name in RUN.get(fence.page, ()) or (fence.page, fence.name) in NOT_RUN


def test_no_block_is_only_said_to_be_there() -> None:
    said = {(page, name) for page, names in RUN.items() for name in names} | set(NOT_RUN)
    assert said == {(fence.page, fence.name) for fence in BLOCKS}


@pytest.mark.parametrize(("page", "name"), tables.TABLES)
def test_a_table_says_what_the_code_says(page: str, name: str) -> None:
    assert tables.written(page, name) == tables.TABLES[page, name]()


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!\w+:)([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_is_one_page(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {int(page.name[:4])}. ")
    for heading in ("**Context.**", "**Decision.**", "**Consequences.**"):
        assert heading in text
    assert len(text.splitlines()) <= 45


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_line_fits_a_screen(page: Path) -> None:
    prose = [line for line in page.read_text().splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 120] == []
