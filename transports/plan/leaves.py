"""Scalars and enums as they go into JSON."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import is_awaitable
from graphql.type.scalars import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT
from strawberry.schema.types.base_scalars import isoformat

from transports.plan.unplanned import Unplanned

_AS_THEY_ARE = (
    (GraphQLID, "type({0}) is str"),
    (GraphQLInt, f"type({{0}}) is int and {GRAPHQL_MIN_INT} <= {{0}} <= {GRAPHQL_MAX_INT}"),
    (GraphQLBoolean, "{0} is True or {0} is False"),
)
_HARMLESS = frozenset({str, int, float, bool, dict, list, datetime})


def test(scalar: GraphQLScalarType, variable: str) -> str | None:
    """Python source that is true if the encoder makes of the value in a variable what it would make of the scalar's."""
    for each, source in _AS_THEY_ARE:
        if scalar is each:
            return source.format(variable)
    if scalar.coerce_output_value == GraphQLString.coerce_output_value:
        return f"type({variable}) is str"
    if scalar.coerce_output_value is isoformat:
        return f"type({variable}) is datetime and {variable}.tzinfo is UTC"
    return None


def coerced(scalar: GraphQLScalarType) -> Callable[[Any], Any]:
    """What the scalar makes of a value. The function raises whatever graphql-core would, and `Unplanned`."""
    coerce = scalar.coerce_output_value

    def leaf(value: Any) -> Any:
        if type(value) not in _HARMLESS and (isinstance(value, Exception) or is_awaitable(value)):
            raise Unplanned
        found = None if value is None or value is Undefined else coerce(value)
        if found is None or found is Undefined:
            raise Unplanned
        return found

    return leaf


def names(kind: GraphQLEnumType) -> Mapping[Enum, str]:
    """The names of an enum's members.

    Raises:
        Unplanned: it was not made from a Python enum.
    """
    members = getattr(kind, "wrapped_cls", None)
    if members is None:
        raise Unplanned
    return {member: kind.coerce_output_value(member) for member in members}
