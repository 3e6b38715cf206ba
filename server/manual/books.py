"""Which pages the documentation has, in which order, and where each of them is served."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_FIRST = ("README.md", "docs/guide/getting-started.md")
_GUIDES = ("javascript", "agents", "models", "long-conversations", "branch", "organise", "quotas", "deploy")
_REFERENCE = ("docs/protocol.md", "docs/architecture.md")
_PROJECT = ("examples/README.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    file: Path
    source: str
    """Its path in the project: `docs/guide/branch.md`."""
    title: str
    lead: str
    """How it begins, in one sentence."""

    @classmethod
    def of(cls, file: Path, source: str) -> Self:
        """Reads what the index says of a file."""
        text = file.read_text()
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        prose = re.search(r"^(?![#\-|`<!*])\S.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
        sentence = re.match(r".*?[.:](?=\s|$)", " ".join(prose[0].split())) if prose else None
        lead = re.sub(r"\[([^\]]+)\]\([^)]+\)|[`*]", r"\1", sentence[0]) if sentence else ""
        return cls(file, source, title[1] if title else source, lead.rstrip(":."))

    @property
    def address(self) -> str:
        """Where it is served: `/docs/guide/branch`."""
        return address(self.source)


def address(source: str) -> str:
    """Where a file of the project is served: a page without its `.md`, any other file as it is called."""
    return f"/docs/{source.removeprefix('docs/').removesuffix('.md')}"


class Book:
    """The pages that there are by now in the folder `docs`, and beside it in its project."""

    def __init__(self, docs: Path) -> None:
        self.chapters: Mapping[str, Sequence[Page]] = {}
        """Pages by what they are for, in the order in which people read them."""
        self._root = docs.parent
        found = {source: Page.of(file, source) for source, file in self._files(docs)}
        self.pages = dict(found)
        """By their path in the project."""
        names = {name: [found.pop(each) for each in each_of if each in found] for name, each_of in self._order(found)}
        self.chapters = {name: pages for name, pages in names.items() if pages}
        self.sources = frozenset(self._linked())
        """Files of the project that pages link to, other than pages: their paths in it."""

    def _files(self, docs: Path) -> Iterator[tuple[str, Path]]:
        if docs.is_dir():
            yield from ((f"docs/{file.relative_to(docs).as_posix()}", file) for file in sorted(docs.rglob("*.md")))
            beside = ((source, self._root / source) for source in (_FIRST[0], *_PROJECT))
            yield from ((source, file) for source, file in beside if file.is_file())

    def _order(self, found: Mapping[str, Page]) -> Iterator[tuple[str, list[str]]]:
        yield "Start here", list(_FIRST)
        guides = [each for each in found if each.startswith("docs/guide/") and each not in _FIRST]
        known = [f"docs/guide/{name}.md" for name in _GUIDES]
        yield "Guides", [*known, *(each for each in guides if each not in known)]
        yield "Reference", [*_REFERENCE, *(e for e in found if re.fullmatch(r"docs/(?!performance)[^/]+\.md", e))]
        yield "Performance", sorted((each for each in found if each.startswith("docs/performance")), key=len)
        yield "Decisions", [each for each in found if each.startswith("docs/decisions/")]
        yield "The project", [*_PROJECT, *found]

    def _linked(self) -> Iterator[str]:
        for page in self.pages.values():
            for target in _LINK.findall(page.file.read_text()):
                source = resolve(page.source, target)
                if source not in self.pages and (self._root / source).is_file():
                    yield source

    def leads_to(self, page: Page, target: str) -> str | None:
        """Where a link of a page leads on this server; None where the installation lacks what it names."""
        path, _, anchor = target.partition("#")
        source = resolve(page.source, path) if path else page.source
        if source == "docs/decisions":
            return "/docs#decisions"
        if source not in self.pages and source not in self.sources:
            return None
        return address(source) + (f"#{anchor}" if anchor else "")

    def file(self, source: str) -> Path:
        """A file of the project that the documentation may show."""
        return self._root / source


def resolve(source: str, target: str) -> str:
    """The path in the project that a relative link in one of its files names."""
    parts = source.split("/")[:-1]
    for step in target.split("/"):
        if step == "..":
            parts = parts[:-1]
        elif step not in ("", "."):
            parts.append(step)
    return "/".join(parts)
