"""What a session is called before its model, or a person, has given it a title."""

from db import texts

LENGTH = 80
"""Characters of a title that was made automatically."""


def of(content: str) -> str:
    """A title from the beginning of the first message."""
    words = texts.composed(" ".join(content.split())[: 4 * LENGTH])
    if len(words) <= LENGTH:
        return words
    cut = words[:LENGTH]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"
