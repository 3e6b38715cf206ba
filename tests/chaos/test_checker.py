"""The checker counts each fault, and nothing else."""

from copy import deepcopy
from typing import Any
from uuid import UUID

from sync.cursors import Cursor, ScopeKind
from tests.chaos.checker import Screen, Verdict, judge

WHOLE = 5


def message(content: str, *, id: str = "reply", role: str = "ASSISTANT", status: str = "COMPLETE") -> dict[str, Any]:
    """A stored message."""
    run = "COMPLETED" if status == "COMPLETE" else "RUNNING"
    return {"id": id, "role": role, "status": status, "content": content, "run": {"id": "run", "status": run}}


def asked(number: int) -> dict[str, Any]:
    """A stored message of a person."""
    return message(str(number), id=f"asked {number}", role="USER") | {"run": None}


def whole(content: str, *, seq: int = 1, status: str = "STREAMING", id: str = "reply") -> dict[str, Any]:
    """The event that tells a message whole."""
    told = {"id": id, "role": "ASSISTANT", "status": status, "parts": [{"index": 0, "text": content}]}
    cursor = str(Cursor(ScopeKind.SESSION, UUID(int=1), 1, seq))
    return {"__typename": "MessageChanged", "cursor": cursor, "message": told}


def delta(offset: int, text: str) -> dict[str, Any]:
    """The event of a token."""
    return {"__typename": "TextDelta", "messageId": "reply", "index": 0, "offset": offset, "text": text}


def opened(text: str, index: int = 0) -> dict[str, Any]:
    """The event that opens a part."""
    return {"__typename": "PartChanged", "messageId": "reply", "part": {"index": index, "text": text}}


def screen(*events: dict[str, Any]) -> Screen:
    """A window that was told this."""
    shown = Screen()
    for event in events:
        shown.take(deepcopy(event))
    return shown


STORED = message("0 1 2 3 4 ")
GOOD = (
    {**whole(""), "message": {**whole("")["message"], "parts": []}},
    opened("0 "),
    delta(2, "1 2 "),
    delta(6, "3 "),
    delta(8, "4 "),
    whole("0 1 2 3 4 ", seq=2, status="COMPLETE"),
)


def verdict(*events: dict[str, Any]) -> Verdict:
    """On one window, whose reply is stored as it should be."""
    return judge([STORED], [screen(*events)], {"reply": range(WHOLE)}, WHOLE)


def test_a_history_without_faults_has_none() -> None:
    assert verdict(*GOOD) == Verdict()
    assert verdict(whole("0 1 2 "), delta(6, "3 4 "), GOOD[-1]) == Verdict()


def test_what_was_shown_and_is_not_stored_is_lost() -> None:
    stored = message("0 1 2 ", status="INTERRUPTED") | {"run": {"id": "run", "status": "INTERRUPTED"}}
    shown = screen(whole("0 1 2 3 4 "), whole("0 1 2 ", status="INTERRUPTED", seq=2))
    assert judge([stored], [shown], {}, WHOLE) == Verdict(lost=2, reordered=1)


def test_what_was_acknowledged_and_is_not_stored_is_lost() -> None:
    assert judge([STORED], [], {"reply": [4, 5], "asked 7": [7]}, WHOLE) == Verdict(lost=2)


def test_what_is_stored_and_not_shown_is_lost() -> None:
    assert verdict(whole("0 1 2 ", status="COMPLETE")) == Verdict(lost=2)
    assert verdict() == Verdict(lost=5)


def test_a_hole_is_lost_whether_it_is_stored_or_shown() -> None:
    assert judge([message("0 1 4 ")], [], {}, WHOLE) == Verdict(lost=2)
    assert judge([message("0 1 2 ")], [], {}, WHOLE) == Verdict(lost=2)
    assert verdict(whole("0 "), delta(4, "2 "), GOOD[-1]) == Verdict(lost=1)
    assert verdict(whole("0 "), opened("1 ", index=2), GOOD[-1]) == Verdict(lost=1)


def test_what_comes_twice_is_doubled() -> None:
    assert judge([message("0 1 2 1 2 3 4 ")], [], {}, WHOLE) == Verdict(doubled=2)
    assert verdict(whole("0 1 2 "), delta(4, "2 "), delta(6, "3 "), GOOD[-1]) == Verdict(doubled=1)
    assert verdict(whole("0 1 2 "), delta(6, "2 "), GOOD[-1]) == Verdict(doubled=1)
    assert verdict(whole("0 1 "), opened("0 "), GOOD[-1]) == Verdict(doubled=1)


def test_a_message_that_was_stored_twice_is_doubled() -> None:
    twice = [asked(1), asked(2), {**asked(2), "id": "again"}]
    assert judge(twice, [], {}, WHOLE) == Verdict(doubled=1)


def test_what_comes_in_another_order_is_reordered() -> None:
    assert judge([message("0 1 3 2 4 ")], [], {}, WHOLE) == Verdict(reordered=1)
    assert judge([asked(2), asked(1)], [], {}, WHOLE) == Verdict(reordered=1)
    assert verdict(whole("0 "), delta(2, "2 "), delta(4, "1 "), GOOD[-1]) == Verdict(reordered=1)


def test_news_that_are_older_than_what_is_shown_are_reordered() -> None:
    assert verdict(whole("0 1 2 "), whole("0 ", seq=2), GOOD[-1]) == Verdict(reordered=1)
    assert verdict(whole("0 ", seq=3), *GOOD[-1:]) == Verdict(reordered=1)
    assert verdict(delta(0, "0 "), GOOD[-1]) == Verdict(reordered=1)


def test_what_does_not_end_is_unending() -> None:
    assert judge([message("0 1 ", status="STREAMING")], [], {}, WHOLE) == Verdict(unending=2)
    stuck = message("0 1 2 3 4 ") | {"run": {"id": "run", "status": "RUNNING"}}
    assert judge([stuck], [], {}, WHOLE) == Verdict(unending=1)
    assert verdict(*GOOD[:-1]) == Verdict(unending=1)


def test_every_window_counts() -> None:
    doubled = screen(whole("0 1 "), opened("0 "), GOOD[-1])
    behind = screen(whole("0 1 2 3 "))
    assert judge([STORED], [doubled, screen(*GOOD), behind], {}, WHOLE) == Verdict(lost=1, doubled=1, unending=1)


def test_a_reset_begins_anew_and_forgets_no_fault() -> None:
    shown = screen(whole("0 1 1 ", seq=9))
    shown.forget()
    shown.take(deepcopy(GOOD[-1]))
    assert judge([STORED], [shown], {}, WHOLE) == Verdict(doubled=1)
