"""Every place of a root field's arguments where a client may write what it likes, found in the schema."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from resolvers.root import api

WRITTEN = ("String", "ID", "JSON", "DateTime", "SyncCursor", "PageCursor")
"""Scalars that clients write as they like."""

_PLAIN: Mapping[str, Any] = {"String": "plain", "Int": 1, "Float": 1.0, "Boolean": True, "JSON": {}, "DateTime": None}

type Known = Callable[[str], str]
"""From the name of an argument to an id that may stand there."""


@dataclass(frozen=True)
class Place:
    """One leaf of the arguments of a root field."""

    root: str
    """`Query` or `Mutation`."""
    field: str
    path: tuple[str, ...]
    scalar: str

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.path)})"

    def request(self, value: object, known: Known) -> tuple[str, dict[str, Any]]:
        """A document, and variables that are valid but for what stands in the place."""
        field = _field(self.root, self.field)
        given = {
            name: _value(argument.type, name, self.path[1:] if name == self.path[0] else None, value, known)
            for name, argument in field.args.items()
            if is_required_argument(argument) or name == self.path[0]
        }
        declared = ", ".join(f"${name}: {field.args[name].type}" for name in given)
        passed = ", ".join(f"{name}: ${name}" for name in given)
        selected = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
        return f"{self.root.lower()} ({declared}) {{ {self.field}({passed}){selected} }}", given


def places(root: str, scalars: tuple[str, ...] = WRITTEN) -> Iterator[Place]:
    """All of the fields of a root type."""
    kind = api._schema.get_type(root)
    assert isinstance(kind, GraphQLObjectType)
    for name, field in kind.fields.items():
        for argument, each in field.args.items():
            for path, scalar in _leaves(each.type, (argument,)):
                if scalar in scalars:
                    yield Place(root, name, path, scalar)


def _field(root: str, name: str) -> GraphQLField:
    kind = api._schema.get_type(root)
    assert isinstance(kind, GraphQLObjectType)
    field: GraphQLField = kind.fields[name]
    return field


def _leaves(kind: GraphQLInputType, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from _leaves(field.type, (*path, name))
    else:
        yield path, named.name


def _value(kind: GraphQLInputType, name: str, path: tuple[str, ...] | None, value: object, known: Known) -> Any:
    """A valid value; or with a path, one in which `value` stands at its end."""
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type, name, path, value, known)
    if path == ():
        return [value] if isinstance(kind, GraphQLList) else value
    if isinstance(kind, GraphQLList):
        return [_value(kind.of_type, name, path, value, known)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        chosen = path[0] if path else next(iter(kind.fields))
        return {
            each: _value(field.type, each, path[1:] if path and each == chosen else None, value, known)
            for each, field in kind.fields.items()
            if (each == chosen and (path or kind.is_one_of)) or _is_needed(field)
        }
    return known(name) if kind.name == "ID" else _PLAIN[kind.name]


def _is_needed(field: GraphQLInputField) -> bool:
    return is_required_input_field(field)
