"""The subscriptions that stand in the browser client, in the documentation and in tests."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.server import uses

ROOT = Path(__file__).parents[2]
FILES = [
    *sorted((ROOT / "web" / "src").rglob("*.ts*")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tests" / "server").glob("*.mjs")),
    *sorted((ROOT / "tests" / "docs").glob("*.mjs")),
    *sorted((ROOT / "examples").glob("*.*")),
]
_BEGIN = re.compile(r"(?:subscription\b|fragment\s+\w+\s+on\s+\w+)[^{}'\"`;.]*\{")


def subscriptions() -> Iterator[tuple[str, str]]:
    """Where each stands, and its text with the fragments of the same file that it spreads."""
    for file in FILES:
        text = file.read_text().replace('\\"', '"')
        found = [_block(text, match.start(), match.end()) for match in _BEGIN.finditer(text)]
        fragments = {each.split()[1]: each for each in found if each.startswith("fragment")}
        for each in found:
            if each.startswith("subscription") and "…" not in each:
                spread = [fragments[name] for name in fragments if re.search(rf"\.\.\.\s*{name}\b", each)]
                yield file.relative_to(ROOT).as_posix(), "\n".join([each, *spread])
    for name, use in uses.SUBSCRIPTIONS.items():
        yield f"tests/server/uses.py, {name}", use.document


def _block(text: str, start: int, brace: int) -> str:
    """From a definition's first word to the brace that closes it."""
    depth, end = 1, brace
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start:end]
