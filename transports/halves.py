"""Halves of surrogate pairs in the strings of documents, as they come from a text that was cut in an emoji.

GraphQL has no character for such a half, nor has UTF-8; both become U+FFFD here, as they do in variables. A document of
another text has none, so this is only asked about one that could not be parsed.
"""

import re

_STRINGS = re.compile(r'"""(?:\\"""|[^"]|"(?!""))*+"""|"(?:[^"\\\n\r]|\\.)*+"|#[^\n\r]*+')
"""Block strings, in which a backslash is only that; strings; comments."""
_ESCAPES = re.compile(
    r"\\u(?:[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    r"|\\u(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2})|\\u\{0*[dD](?P<wide>[89a-fA-F][0-9a-fA-F]{2})\}|\\.",
    re.DOTALL,
)


def mended(text: str) -> str:
    """The document with U+FFFD in place of each escape of half a pair. Places in it stay where they are."""
    return _STRINGS.sub(_string, text)


def _string(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith(("#", '"""')) else _ESCAPES.sub(_whole, found[0])


def _whole(escape: re.Match[str]) -> str:
    if escape["half"]:
        return r"\ufffd"
    return rf"\u{{{'fffd'.rjust(len(escape[0]) - 4, '0')}}}" if escape["wide"] else escape[0]
