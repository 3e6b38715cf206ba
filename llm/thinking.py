"""Thoughts that a model writes into its text, between tags, where its server does not take them out.

A tag is one only where the reply begins with it: further down it is something that the model talks about. Some
templates write the opening tag themselves, so that a reply has the closing one alone; on a line of its own, that turns
what came before into thoughts, as long as there is nothing but text.
"""

from collections.abc import Callable, Iterator

from llm.events import Event, ReasoningDelta, ReasoningInstead, TextDelta

OPENING, CLOSING = "<think>", "</think>"
FAR = 200_000
"""Characters of a reply in which a closing tag alone is looked for."""


class Thoughts:
    """Tells the text of one reply as what it is, however its tags are cut."""

    __slots__ = ("_blank", "_held", "_length", "_said", "_tell", "_then")

    def __init__(self) -> None:
        self._tell: Callable[[str], Iterator[Event]] = self._begin
        self._then: Callable[[str], Iterator[Event]] = self._search  # for text that does not begin with a tag
        self._held = ""  # what may become a tag
        self._said: list[str] = []  # the text so far, as long as it may turn out to be thoughts
        self._length = 0
        self._blank = True  # whether its last line is

    def tell(self, text: str) -> Iterator[Event]:
        """What more text of the reply says."""
        return self._tell(text)

    def interrupt(self) -> Iterator[Event]:
        """What was held back, before something that is no text: a closing tag alone cannot reach over that."""
        self._then = self._pass
        if self._tell == self._begin and not self._held.strip():
            return  # the text has yet to begin
        yield from self.end()
        self._held, self._said = "", []
        if self._tell in (self._begin, self._search):
            self._tell = self._pass

    def end(self) -> Iterator[Event]:
        """What was held back: nothing more can come of it."""
        if self._tell == self._think:
            if thought := self._held.rstrip():
                yield ReasoningDelta(thought)
        elif self._tell == self._search and self._held.startswith(CLOSING) and self._blank:
            yield from self._search("\n")  # the end of the reply ends the line, too
        elif self._held:
            yield TextDelta(self._held)

    def _begin(self, text: str) -> Iterator[Event]:
        self._held += text
        start = self._held.lstrip()
        if OPENING.startswith(start):
            return
        held, self._held = self._held, ""
        if start.startswith(OPENING):
            self._tell = self._think
            yield from self._think(start.removeprefix(OPENING).lstrip())
        else:
            self._tell = self._then
            yield from self._then(held)

    def _think(self, text: str) -> Iterator[Event]:
        thought, tag, rest = (self._held + text).partition(CLOSING)
        told = (thought if tag else thought[: len(thought) - _beginning(thought)]).rstrip()
        self._held = "" if tag else thought[len(told) :]
        if told:
            yield ReasoningDelta(told)
        if tag:
            self._tell = self._trim
            yield from self._trim(rest)

    def _trim(self, text: str) -> Iterator[Event]:
        """The white space behind a closing tag is the tag's."""
        if text := text.lstrip():
            self._tell = self._pass
            yield TextDelta(text)

    def _search(self, text: str) -> Iterator[Event]:
        """Text in which the closing tag alone may come."""
        if self._held or "<" in text:
            text = self._held + text
            before, tag, after = text.partition(CLOSING)
            if tag and self._ends_blank(before) and after.startswith(("\n", "\r\n")):
                thoughts = "".join((*self._said, before)).strip()
                self._held, self._said, self._tell = "", [], self._trim
                if thoughts:
                    yield ReasoningInstead(thoughts)
                yield from self._trim(after)
                return
            held = len(CLOSING) + len(after) if tag and after in ("", "\r") else _beginning(text)
            self._held = text[len(text) - held :]
            text = text[: len(text) - held]
        if text:
            self._blank = self._ends_blank(text)
            self._said.append(text)
            self._length += len(text)
            if self._length > FAR:
                text, self._held = text + self._held, ""
                self._said, self._tell = [], self._pass
            yield TextDelta(text)

    def _ends_blank(self, text: str) -> bool:
        """Whether the last line is blank with this behind what was said."""
        _, newline, line = text.rpartition("\n")
        return not line.strip() and (bool(newline) or self._blank)

    def _pass(self, text: str) -> Iterator[Event]:
        yield TextDelta(text)


def _beginning(text: str) -> int:
    """How many characters at the end of the text may be the beginning of a closing tag."""
    longest = min(len(CLOSING) - 1, len(text))
    return next((length for length in range(longest, 0, -1) if text.endswith(CLOSING[:length])), 0)
