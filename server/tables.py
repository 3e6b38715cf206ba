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
        if (wrong := _unfit(value, most)) is not None:
            self.complain(f"`{key}` must be {right}{wrong}.")
            return None
        text: str = value.strip()
        return text

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
        unfit = [_unfit(each, 2_000) for each in value] if isinstance(value, list) else [_not(value)]
        if (wrong := next(filter(None, unfit), None)) is not None:
            self.complain(f"`{key}` must be {right}{wrong}.")
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
                self.complain(f"There is no `{shown(key)}`. {advice}")


def shown(name: str) -> str:
    """A name from the file within a sentence: not too long, and in one line."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in name[:_LONGEST])


def _unfit(value: object, most: int) -> str | None:
    """Why a value is no text that can be used, as the end of a sentence; None where it is one."""
    if not isinstance(value, str) or not value.strip():
        return _not(value)
    if len(value) > most:
        return f", in at most {most:,} characters"
    return None if value.isprintable() else ", without line breaks or other characters that do not show"


def _not(value: object) -> str:
    """What a value is in place of what it must be: numbers in full, else the kind alone."""
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, int) and abs(value) > 10**_LONGEST:
        return ", not one of so many digits"
    if isinstance(value, int | float):
        return f", not {value}"
    if isinstance(value, str) and not value.strip():
        return ", not an empty text"
    kinds: dict[type, str] = {str: "a text", list: "a list", dict: "a table"}
    return f", not {kinds.get(type(value), 'a date or a time')}"
