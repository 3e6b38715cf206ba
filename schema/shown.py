"""Fields of objects that show a row: each is made when it is asked for."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any


def shown(make: Callable[[Any], Any]) -> Any:
    """A field that is made from the object."""
    return property(make)


def same(path: str) -> Any:
    """A field that is an attribute of the row, as it is."""
    return property(attrgetter(path))
