"""Random values of every output type: Strawberry objects as resolvers return them, and faulty ones."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLUnionType,
    Undefined,
)

from chat.refusals import NotFound
from db.models import RunStatus
from schema.cursor import SyncCursor
from schema.event import CaughtUp
from schema.node import Node
from schema.part import Part, ReasoningPart, TextPart
from tests.plan.probe import SCHEMA, definition

TEXTS = ["", "Hello", "ü€😀", '\x00"\\\u2028', "</script>", "\ud83d", "x" * 300]
TIMES = [
    datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 10, 0, 0, 123, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(1, 1, 1),
]
LEAVES: dict[str, list[Any]] = {
    "String": TEXTS,
    "ID": [str(UUID(int=1)), *TEXTS],
    "SyncCursor": TEXTS,
    "PageCursor": TEXTS,
    "Int": [0, 1, -1, 2**31 - 1, -(2**31)],
    "Float": [0.0, -1.5, 1e300, 3],
    "Boolean": [True, False],
    "DateTime": TIMES,
    "JSON": [{}, {"a": [1, {"b": None}]}, [], "text", 0, False, 2**70, float("nan"), {"ü": "\ud83d"}],
}


@dataclass
class Each:
    """An iterable that is no list."""

    items: list[Any]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


@dataclass
class Later:
    """Something to await."""

    value: Any

    def __await__(self) -> Generator[None, None, Any]:
        yield from ()
        return self.value


class Like(TextPart):
    """A class below a type's."""


class Raised(TextPart, Exception):
    """A type that is an error too."""


class Awaited(TextPart):
    """A type that is to be awaited."""

    def __await__(self) -> Generator[None, None, Part]:
        yield from ()
        return TextPart(index=2, text="at last")


class Cast(TextPart):
    """A type that takes itself for another."""

    __as_strawberry_type__ = ReasoningPart


class Wrong(Enum):
    """An enum of nobody."""

    USER = "user"


def faults() -> list[Any]:
    """What seldom belongs where it is."""
    return [
        None,
        2**31,
        -(2**31) - 1,
        1.5,
        2.0,
        float("inf"),
        True,
        1,
        0.0,
        "12",
        "user",
        b"bytes",
        Decimal(7),
        UUID(int=2),
        Wrong.USER,
        RunStatus.QUEUED,
        ValueError("a value"),
        NotFound("session"),
        Undefined,
        object(),
        {"id": "1", "index": 1},
        ("a", "b"),
        {"a"},
        Each(["a"]),
        Later("later"),
        TIMES[0].date(),
        Node(id="1"),  # type: ignore[arg-type]
        Part(index=1),
        *PARTS,
        CaughtUp(cursor=SyncCursor("1")),
    ]


PARTS = [kind(index=1, text="like") for kind in (Like, Raised, Awaited, Cast)]
"""Parts that a field of parts would certainly not be given."""


async def _count() -> int:
    return 3


_PRIVATE: dict[str, Any] = {"count": _count, "message_id": UUID(int=3)}


@dataclass
class Values:
    """Makes values; a faulty maker slips in what does not belong."""

    random: Random
    faulty: bool = False

    def of(self, kind: GraphQLOutputType) -> Any:
        """A value of a type."""
        if self.faulty and self.random.random() < 0.03:
            return self._fault(kind)
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type)
        return None if self.random.random() < 0.25 else self._present(kind)

    def made(self, name: str) -> Any:
        """A value of the type of this name, not null."""
        return self._present(SCHEMA.type_map[name])

    def _fault(self, kind: GraphQLOutputType) -> Any:
        if self.random.random() < 0.3:
            wrap = self.random.choice((Later, lambda value: Each([value]), lambda value: [value]))
            return wrap(self._present(kind.of_type if isinstance(kind, GraphQLNonNull) else kind))
        return self.random.choice(faults())

    def _present(self, kind: Any) -> Any:
        match kind:
            case GraphQLScalarType():
                return self.random.choice(LEAVES[kind.name])
            case GraphQLEnumType():
                return self.random.choice(list(definition(kind).wrapped_cls))
            case GraphQLList():
                made = [self.of(kind.of_type) for _ in range(self.random.randint(0, 3))]
                return tuple(made) if self.random.random() < 0.2 else made
            case GraphQLInterfaceType() | GraphQLUnionType():
                return self._object(self.random.choice(SCHEMA.get_possible_types(kind)))
            case _:
                return self._object(kind)

    def _object(self, kind: GraphQLObjectType) -> Any:
        found = definition(kind)
        made_of = found.origin if found.concrete_of is None else found.concrete_of.origin
        shown = {definition(each).python_name: each for each in kind.fields.values()}
        given = {
            each.name: self.of(shown[each.name].type) if each.name in shown else _PRIVATE.get(each.name)
            for each in fields(made_of)
            if each.init
        }
        made = made_of(**given)
        if self.faulty and self.random.random() < 0.02:
            delattr(made, self.random.choice(list(given)))
        return made
