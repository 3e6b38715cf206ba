"""How many rows a list has at most, by what a call asks for: what an answer may cost is made of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type Arguments = Mapping[str, Any]
"""What a client gave, by the names of the arguments; perhaps of no right type, which is refused later."""


@dataclass(frozen=True, slots=True)
class Size:
    """The rows of a list."""

    of: Callable[[Arguments], int]
    reads: Sequence[str] = ()
    """The arguments that it depends on."""
