"""A table of a TOML file, read key by key: what is wrong with it is said in sentences, all at once."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Self

_LONGEST = 80


class Table:
    """Each method takes one key, and says what is wrong with its value; `close` says which keys are none.

    Sentences never repeat a text, because it may be a secret that somebody has put in the wrong place.
    """

    def __init__(self, place: str, values: Mapping[str, Any], said: list[str]) -> None:
        """`place` is where the table stands in the file; `said` is where sentences go."""
        self._place = place
        self.values = values
        self._said = said
        self._known: list[str] = []

    def below(self, key: str, values: Mapping[str, Any]) -> Self:
        """A table that stands in this one under a key."""
        return type(self)(f"{self._place}, {key}" if self._place else key, values, self._said)

    def complain(self, sentence: str) -> None:
        """Says that something is wrong here."""
        self._said.append(f"{self._place}: {sentence}" if self._place else sentence)

    def take(self, key: str) -> Any:
        """The value as it is, or None."""
        if key not in self._known:
            self._known.append(key)
        return self.values.get(key)

    def text(self, key: str, *, right: str = "a text", most: int = 2_000) -> str | None:
        """A text, without blanks around it."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
            self.complain(f"`{key}` must be {right}{_not(value)}.")
            return None
        return value.strip()

    def number(self, key: str, low: float, high: float, *, whole: bool = False) -> float | None:
        """A number from `low` to `high`."""
        value = self.take(key)
        if value is None:
            return None
        fits = isinstance(value, int) or (isinstance(value, float) and not whole)
        if not fits or isinstance(value, bool) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            self.complain(f"`{key}` must be {kind} from {low:,} to {high:,}{_not(value)}.")
            return None
        return float(value)

    def flag(self, key: str) -> bool | None:
        """A truth."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return value
        self.complain(f"`{key}` must be true or false{_not(value)}.")
        return None

    def texts(self, key: str, *, right: str) -> Sequence[str]:
        """A list of texts."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
            self.complain(f"`{key}` must be {right}{_not(value)}.")
            return ()
        return [each.strip() for each in value]

    def table(self, key: str, *, right: str) -> Mapping[str, Any]:
        """A table below this one."""
        value = self.take(key)
        if value is None or isinstance(value, dict):
            return value or {}
        self.complain(f"`{key}` must be {right}{_not(value)}.")
        return {}

    def tables(self, key: str, *, right: str) -> Iterator[Mapping[str, Any]]:
        """Tables below this one."""
        value = self.take(key)
        if value is None:
            return
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.complain(f"`{key}` must be {right}{_not(value)}.")
            return
        yield from value

    def close(self) -> None:
        """Says which keys there are that nobody has taken."""
        for key in self.values:
            if key not in self._known:
                near = get_close_matches(key.lower(), self._known, 1, 0.6)
                advice = f"Did you mean `{near[0]}`?" if near else f"Known are: {', '.join(self._known)}."
                self.complain(f"There is no `{key[:_LONGEST]}`. {advice}")


def _not(value: object) -> str:
    """What a value is in place of what it must be: numbers in full, else the kind alone."""
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, int | float):
        return f", not {str(value)[:_LONGEST]}"
    kinds: dict[type, str] = {str: "a text", list: "a list", dict: "a table"}
    kind = kinds.get(type(value), "a date or a time")
    return ", not an empty text" if value == "" else f", not {kind}"
