"""Which part of a long conversation a model is told in short, so that the rest fits. Weights are in bytes."""

from collections.abc import Sequence

from db.models import MessageRole
from db.outlines import Outlined

KEPT = 0.5
"""The share of the room that is kept for what is told whole, so that some turns pass before it is full again."""


def through(outline: Sequence[Outlined], room: float, *, beside: int, at_once: float) -> int | None:
    """The depth up to which a conversation is told in short next; None where it fits, or nothing of it can be.

    `outline` is what follows the part that is told in short already, `beside` the weight of that and of all else that
    is always told, and `at_once` what can be shortened in one go. What is kept begins with a question, and always has
    the last one. What is still being written is kept, and what follows it.
    """
    beside += sum(each.weight for each in outline if each.lasts)
    rest = [each for each in outline if not each.lasts]
    if not rest or beside + sum(each.weight for each in rest) <= room:
        return None
    stop, read = 0, 0
    for place, each in enumerate(rest[: _kept(rest, (room - beside) * KEPT)]):
        read += each.weight
        if not each.is_finished or (stop and read > at_once):
            break
        stop = place + 1
    return rest[stop - 1].depth if any(each.weight for each in rest[:stop]) else None


def _kept(rest: Sequence[Outlined], room: float) -> int:
    """Where what is kept begins: as many of the newest as fit, from a question on."""
    questions = [place for place, each in enumerate(rest) if each.role is MessageRole.USER]
    last = questions[-1] if questions else len(rest) - 1
    start = len(rest)
    while start > 0 and rest[start - 1].weight <= room:
        start -= 1
        room -= rest[start].weight
    return min(next((place for place in questions if place >= start), last), last)
