"""The parts of a message, and the events by which a run builds them up.

A part is a JSON object with a `kind`:

    text, reasoning   {kind, text}
    toolCall          {kind, id, name, text}            text: the arguments as JSON text
    toolResult        {kind, callId, name, text, isError}
    file              {kind, url, mediaType, name}
    data              {kind, name, value}

A run's events are journaled as JSON arrays:

    ["a", index, offset, text]   the text is appended to part `index`, at `offset`
    ["p", index, part]           part `index` is now this

Offsets count UTF-16 code units, as a browser's string length does, and never split a surrogate pair.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from db.models import Json

PREVIEW = 200
"""Characters of a session's last message that its lists show."""

type Append = tuple[Literal["a"], int, int, str]
type Put = tuple[Literal["p"], int, Json]
type JournalEvent = Append | Put


def text(value: str) -> Json:
    """A part of plain text."""
    return {"kind": "text", "text": value}


def content(parts: Iterable[Json]) -> str:
    """The plain text of a message: its text parts with a blank line between them."""
    return "\n\n".join(part["text"] for part in parts if part["kind"] == "text")


def reworded(parts: Sequence[Json], value: str) -> list[Json]:
    """The parts with this text in place of all their text: where the last of it was, or at the end."""
    places = [index for index, part in enumerate(parts) if part["kind"] == "text"]
    last = places[-1] if places else len(parts)
    before = [part for part in parts[:last] if part["kind"] != "text"]
    return [*before, text(value), *parts[last + 1 :]]


def preview(text: str) -> str:
    """The beginning of a message, on one line."""
    line = " ".join(text[: PREVIEW * 2].split())
    return line if len(line) <= PREVIEW else line[: PREVIEW - 1] + "…"


def length(value: str) -> int:
    """How many UTF-16 code units a text has."""
    return len(value) if value.isascii() else len(value.encode("utf-16-le")) // 2


def fold(parts: list[Json], events: Iterable[Sequence[Any]]) -> None:
    """Applies journaled events to the parts, in place."""
    for event in events:
        index = event[1]
        if event[0] == "p":
            if index == len(parts):
                parts.append(dict(event[2]))
            else:
                parts[index] = dict(event[2])
        else:
            parts[index]["text"] += event[3]


def close(parts: list[Json], reason: str) -> None:
    """Gives every tool call without a result one that says `reason`, so that a provider accepts the message."""
    for call in _unanswered(parts):
        parts.append(
            {"kind": "toolResult", "callId": call["id"], "name": call["name"], "text": reason, "isError": True}
        )


def _unanswered(parts: Iterable[Json]) -> list[Json]:
    """The calls without a result. Some models number their calls anew, so an id may come again: each has its own."""
    calls: list[Json] = []
    for part in parts:
        if part["kind"] == "toolCall":
            calls.append(part)
        elif part["kind"] == "toolResult":
            answered = next((call for call in calls if call["id"] == part["callId"]), None)
            calls = [call for call in calls if call is not answered]
    return calls
