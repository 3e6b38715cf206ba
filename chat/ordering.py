"""Places in an order of one's own: text that is compared character by character, as a fraction in base 16.

Between two places there is always another one, so putting something somewhere never moves anything else.
"""


def between(low: str, high: str | None) -> str:
    """A place behind `low` (empty: the beginning) and before `high` (None: the end)."""
    digits = 1 + max(len(low), len(high or ""))
    first = _number(low, digits)
    last = 16**digits if high is None else _number(high, digits)
    if last - first < 2:
        return low + "8"  # two have the same place
    return f"{(first + last) // 2:0{digits}x}".rstrip("0")


def _number(place: str, digits: int) -> int:
    return int(place.ljust(digits, "0") or "0", 16)
