"""The fenced blocks of the documentation: `sh create` is a shell block of the name `create`."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")])

_FENCE = re.compile(r"^```(\w*)(?: +(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    page: str
    """Its path in the project."""
    language: str
    name: str
    text: str


def of(page: Path) -> list[Fence]:
    where = page.relative_to(ROOT).as_posix()
    return [Fence(where, *(part or "" for part in found)) for found in _FENCE.findall(page.read_text())]


def get(page: str, name: str) -> str:
    """The text of a block."""
    (text,) = [fence.text for fence in of(ROOT / page) if fence.name == name]
    return text
