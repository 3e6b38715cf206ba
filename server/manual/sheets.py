"""What stands around a page of the documentation: its head, its style and the way to the others."""

from html import escape
from pathlib import Path

from server import page_texts
from server.manual.books import Book, Page
from server.manual.rendering import Rendered

_STYLE = (Path(__file__).parent / "sheet.css").read_text()


def page(root: str, book: Book, shown: Page, rendered: Rendered) -> str:
    """A page; `root` is the path prefix under which the application is mounted."""
    pages = [each for chapter in book.chapters.values() for each in chapter]
    place = pages.index(shown)
    ways = "".join(
        f'<a class="{side}" href="{_at(root, each)}"><small>{word}</small>{escape(each.title)}</a>'
        for side, word, each in (
            ("before", "Before", pages[place - 1] if place else None),
            ("next", "Next", pages[place + 1] if place + 1 < len(pages) else None),
        )
        if each is not None
    )
    inside = _inside(rendered) if len(rendered.headings) > 1 else ""
    short = f'<details class="inside"><summary>On this page</summary>{inside}</details>' if inside else ""
    text = f'<p class="plain"><a href="{_at(root, shown)}.md">This page as Markdown</a></p>'
    body = f'{short}<article>{rendered.html}</article><nav class="ways">{ways}</nav>{text}'
    return _sheet(root, book, shown.title, body, shown, inside)


def index(root: str, book: Book) -> str:
    """All pages, each with how it begins."""
    chapters = "".join(
        f'<h2 id="{_anchor(name)}">{name}</h2><ul class="pages">'
        + "".join(
            f'<li><a href="{_at(root, each)}"><b>{escape(each.title)}</b><span>{escape(each.lead)}</span></a></li>'
            for each in pages
        )
        + "</ul>"
        for name, pages in book.chapters.items()
    )
    body = f"<article><h1>Documentation</h1>{chapters or '<p>There are no pages in this installation.</p>'}</article>"
    return _sheet(root, book, "Documentation", body)


def _sheet(root: str, book: Book, title: str, body: str, shown: Page | None = None, inside: str = "") -> str:
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · Transom</title><style>{_STYLE}</style></head>'
    )
    all_pages = '<a class="all" href="#all">All pages</a>' if shown is not None else ""
    top = (
        f'<header><a class="mark" href="{escape(root)}/">{page_texts.MARK}Transom</a>'
        f'<a href="{escape(root)}/docs">Documentation</a><a href="{escape(root)}/graphiql">GraphiQL</a>'
        f"{all_pages}</header>"
    )
    chapters = "".join(
        f"<h2>{name}</h2><ul>" + "".join(_entry(root, each, shown, inside) for each in pages) + "</ul>"
        for name, pages in book.chapters.items()
    )
    side = f'<nav class="side" id="all" aria-label="All pages">{chapters}</nav>' if shown is not None else ""
    columns = f'<div class="columns">{side}<main>{body}</main></div>'
    return f'{head}<body class="{"read" if side else "list"}">{top}{columns}</body></html>'


def _entry(root: str, each: Page, shown: Page | None, inside: str) -> str:
    if each is shown:
        return f'<li><a aria-current="page" href="{_at(root, each)}">{escape(each.title)}</a>{inside}</li>'
    return f'<li><a href="{_at(root, each)}">{escape(each.title)}</a></li>'


def _inside(rendered: Rendered) -> str:
    links = "".join(f'<li><a href="#{anchor}">{escape(text)}</a></li>' for anchor, text in rendered.headings)
    return f"<ul>{links}</ul>"


def _at(root: str, each: Page) -> str:
    return escape(root + each.address)


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
