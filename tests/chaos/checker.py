"""What may never happen to a conversation, counted: tokens and writes that are lost, doubled, reordered, or never end.

Everything that is said under a checker is numbers, so that it shows in the text itself what is missing, comes twice or
is misplaced: a reply counts from 0, and the messages of people are numbered in the order in which they were written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, override

from sync.cursors import Cursor
from tests.server.callers import SETTLED
from tests.server.windows import Window, utf16_length

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"}


@dataclass
class Verdict:
    """How often each fault was found. `Verdict()` is what all tests want."""

    lost: int = 0
    """Shown or acknowledged, and not stored; or stored, and not shown in a window that is attached."""
    doubled: int = 0
    """Stored or shown twice."""
    reordered: int = 0
    """Stored or shown after what follows it; and news that are older than what the window showed already."""
    unending: int = 0
    """A message or a run that has not ended, or that a window does not know to have ended."""

    def __add__(self, other: Self) -> "Verdict":
        return Verdict(
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.reordered + other.reordered,
            self.unending + other.unending,
        )


class Screen(Window):
    """What a window shows, and has ever shown. It counts the faults of its events where other windows fail."""

    def __init__(self) -> None:
        super().__init__()
        self.cursor: str | None = None
        self.shown: dict[str, set[int]] = {}
        """The numbers of each message that were ever on the screen."""
        self.verdict = Verdict()
        """The faults of what is not on the screen any more."""

    @override
    def take(self, event: dict[str, Any]) -> None:
        match event["__typename"]:
            case "MessageChanged":
                self._replace(event["message"]["id"], [part.get("text", "") for part in event["message"]["parts"]])
            case "PartChanged" | "TextDelta" if event["messageId"] not in self.messages:
                self.verdict.reordered += 1
                return
            case "PartChanged" if event["part"]["index"] < len(self._parts(event["messageId"])):
                self.verdict.doubled += 1
                return
            case "PartChanged" if event["part"]["index"] > len(self._parts(event["messageId"])):
                self.verdict.lost += 1
                return
            case "TextDelta":
                begins = utf16_length(self._parts(event["messageId"])[event["index"]])
                if event["offset"] < begins:
                    self.verdict.doubled += 1
                    return
                if event["offset"] > begins:
                    self.verdict.lost += 1
                    event = event | {"offset": begins}
        if "cursor" in event:
            self._advance(event["cursor"])
        super().take(event)
        if (message_id := event.get("messageId") or event.get("message", {}).get("id")) is not None:
            self.shown.setdefault(message_id, set()).update(_numbers(self.text(message_id)))

    @property
    def count(self) -> int:
        """How many numbers of the newest reply are on the screen."""
        return len(_numbers(self.reply))

    def forget(self) -> None:
        """Throws away what is on the screen, as a client does that is told `Reset`."""
        for message_id in list(self.messages):
            self.verdict += _order(_numbers(self.text(message_id)))
        self.messages.clear()
        self.cursor = None

    def text(self, message_id: str) -> str:
        """What the screen shows of a message."""
        return "".join(self._parts(message_id)) if message_id in self.messages else ""

    def _parts(self, message_id: str) -> list[str]:
        parts: list[str] = self.messages[message_id]["parts"]
        return parts

    def _replace(self, message_id: str, parts: Sequence[str]) -> None:
        """A message comes whole: it may not know less than the screen did."""
        before = _numbers(self.text(message_id))
        self.verdict += _order(before)
        if not set(before) <= set(_numbers("".join(parts))):
            self.verdict.reordered += 1

    def _advance(self, cursor: str) -> None:
        if self.cursor is not None and Cursor.parse(cursor).seq < Cursor.parse(self.cursor).seq:
            self.verdict.reordered += 1
        self.cursor = cursor


def judge(
    stored: Sequence[Mapping[str, Any]],
    screens: Iterable[Screen],
    acknowledged: Mapping[str, Iterable[int]],
    whole: int,
) -> Verdict:
    """Compares a fresh fetch of a session with what its windows show and what its writers were told.

    `stored` is the session's messages in order, with `id role status content run { status }`; `acknowledged` the
    numbers of each message that an answered mutation has written; `whole` how many numbers a complete reply has.
    """
    verdict = Verdict()
    texts = {message["id"]: _numbers(message["content"]) for message in stored}
    for message in stored:
        said = texts[message["id"]]
        verdict += _order(said)
        verdict.unending += message["status"] not in SETTLED
        if message["role"] == "ASSISTANT":
            end = whole if message["status"] == "COMPLETE" else max(said, default=-1) + 1
            verdict.lost += len(set(range(end)) - set(said))
            verdict.unending += message["run"]["status"] not in ENDED
    verdict += _order([number for message in stored if message["role"] == "USER" for number in texts[message["id"]]])
    for message_id, numbers in acknowledged.items():
        verdict.lost += len(set(numbers) - set(texts.get(message_id, ())))
    for screen in screens:
        verdict += screen.verdict + _compared(screen, stored, texts)
    return verdict


def _compared(screen: Screen, stored: Sequence[Mapping[str, Any]], texts: Mapping[str, Sequence[int]]) -> Verdict:
    """What is wrong with the screen of a window that is attached."""
    verdict = Verdict()
    for message_id, numbers in screen.shown.items():
        verdict.lost += len(numbers - set(texts.get(message_id, ())))
    for message in stored:
        shows = _numbers(screen.text(message["id"]))
        verdict += _order(shows)
        verdict.lost += len(set(texts[message["id"]]) - set(shows))
        if message["id"] in screen.messages:
            verdict.unending += screen.messages[message["id"]]["status"] not in SETTLED
    return verdict


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _order(numbers: Sequence[int]) -> Verdict:
    """Repetitions, and steps back between the first occurrences."""
    first = list(dict.fromkeys(numbers))
    return Verdict(doubled=len(numbers) - len(first), reordered=sum(one > next_ for one, next_ in pairwise(first)))
