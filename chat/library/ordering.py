"""Places in an order of one's own: text that is compared character by character, as a fraction in base 16.

Between two places there is always another one, so putting something somewhere moves nothing else. Only where many are
put into the same gap, one after the other, do places grow; `room` then gives the fewest around it shorter ones.
"""

from collections.abc import Sequence

LONGEST = 64
"""Characters of a place from which on it is worth giving its neighbours others."""
_HEAD = 8
"""Digits that are counted on at an end, where a half of what is left would grow with each place."""


def between(low: str, high: str | None) -> str:
    """A place behind `low` (empty: the beginning) and before `high` (None: the end)."""
    if high is None and low and (next_ := _head(low) + 1) < 16**_HEAD:
        return _place(next_, _HEAD)
    if not low and high and (last := _head(high) - 1) > 0:
        return _place(last, _HEAD)
    digits = 1 + max(len(low), len(high or ""))
    first, end = _number(low, digits), _end(high, digits)
    if end - first < 2:
        return low + "8"  # two have the same place
    return _place((first + end) // 2, digits)


def room(
    places: Sequence[str], at: int, low: str = "", high: str | None = None
) -> tuple[str, Sequence[tuple[int, str]]]:
    """Short places for something new before `places[at]` (or behind all), and for as few around it as that takes.

    The places are in order, behind `low` and before `high`. Returns the new one's, and `(index, place)` of the others.
    """
    width = 1
    while True:
        start, stop = max(0, at - width), min(len(places), at + width)
        before, behind = places[start - 1] if start else low, places[stop] if stop < len(places) else high
        if _apart(before, behind):
            fresh = _spread(before, behind, stop - start + 1)
            if len(fresh[-1]) <= LONGEST // 2 or (start, stop) == (0, len(places)):
                place = fresh.pop(at - start)
                return place, list(enumerate(fresh, start))
        width *= 2


def _apart(low: str, high: str | None) -> bool:
    digits = max(len(low), len(high or ""))
    return _number(low, digits) < _end(high, digits)


def _spread(low: str, high: str | None, count: int) -> list[str]:
    """So many places between two, with the same distance from each other."""
    digits = 1
    while (_end(high, digits) - _number(low, digits)) // (count + 1) < 16:
        digits += 1
    first, end = _number(low, digits), _end(high, digits)
    return [_place(first + (end - first) * number // (count + 1), digits) for number in range(1, count + 1)]


def _place(number: int, digits: int) -> str:
    return f"{number:0{digits}x}".rstrip("0")


def _head(place: str) -> int:
    return _number(place[:_HEAD], _HEAD)


def _number(place: str, digits: int) -> int:
    return int(place[:digits].ljust(digits, "0") or "0", 16)


def _end(place: str | None, digits: int) -> int:
    return 16**digits if place is None else _number(place, digits)
