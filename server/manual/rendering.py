"""Markdown to HTML, as GitHub would show it: headings with anchors, links between pages, coloured code."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_FORMAT = HtmlFormatter(nowrap=True, classprefix="c-")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as HTML, and its headings of the second level as `(anchor, text)`."""

    html: str
    headings: Sequence[tuple[str, str]]


def render(text: str, leads_to: Callable[[str], str | None]) -> Rendered:
    """The HTML of a page. `leads_to` turns a relative link into an address, or into None where nothing is there.

    HTML in the text is shown as text, and comments are left out.
    """
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    headings = _anchor(tokens)
    for token in tokens:
        _lead(token.children or [], leads_to)
    _dress(tokens)
    return Rendered(markdown.renderer.render(tokens, markdown.options, {}), headings)


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _anchor(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Gives every heading an anchor, and a link to itself; those of the second level."""
    taken: dict[str, int] = {}
    found = []
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))
        anchor = slug(text)
        taken[anchor] = taken.get(anchor, -1) + 1
        anchor += f"-{taken[anchor]}" if taken[anchor] else ""
        token.attrSet("id", anchor)
        if token.tag == "h2":
            found.append((anchor, text))
        if token.tag != "h1":
            link: dict[str, str | int | float] = {
                "class": "here",
                "href": f"#{anchor}",
                "aria-label": f"Link to {text}",
            }
            mark = [
                Token("link_open", "a", 1, attrs=link),
                Token("text", "", 0, content="#"),
                Token("link_close", "a", -1),
            ]
            inline.children = [*(inline.children or []), *mark]
    return found


def _lead(inline: list[Token], leads_to: Callable[[str], str | None]) -> None:
    """Points links and pictures to where they are served; what is not there loses its link, and keeps its words."""
    lost = 0
    for token in inline:
        name = {"link_open": "href", "image": "src"}.get(token.type)
        target = str(token.attrGet(name)) if name else ""
        if name and not re.match(r"\w+:|#", target):
            address = leads_to(target)
            if address is not None:
                token.attrSet(name, address)
            else:
                token.tag, lost = "span", lost + 1
                token.attrs = {}
        elif token.type == "link_close" and lost:
            token.tag, lost = "span", lost - 1
        if token.type == "image":
            token.attrSet("loading", "lazy")


def _dress(tokens: Sequence[Token]) -> None:
    """Writes what CommonMark's renderer leaves plain: coloured code, and tables that may be wider than a phone."""
    for token in tokens:
        if token.type == "fence":
            token.type, token.content = "html_block", _code(token.content, (token.info.split() or [""])[0])
        elif token.type == "table_open":
            token.type, token.content = "html_block", '<div class="table" tabindex="0"><table>\n'
        elif token.type == "table_close":
            token.type, token.content = "html_block", "</table></div>\n"
        elif token.type in ("html_block", "html_inline"):
            token.content = escape(re.sub(r"<!--.*?-->\s*", "", token.content, flags=re.DOTALL))
        _dress(token.children or [])


def _code(text: str, language: str) -> str:
    if language == "mermaid":
        return f'<pre class="diagram" tabindex="0"><code>{escape(text.replace("<br/>", " "))}</code></pre>\n'
    try:
        body = highlight(text, get_lexer_by_name(language), _FORMAT)
    except ClassNotFound:
        body = escape(text)
    return f'<pre tabindex="0"><code>{body}</code></pre>\n'
