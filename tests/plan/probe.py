"""A schema that shows every output type of the API at its root: one, perhaps one, several, and lists with gaps."""

from datetime import datetime
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    is_introspection_type,
)
from strawberry.scalars import JSON
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.union import StrawberryUnion

from db.models import RunStatus
from resolvers.root import CONFIG, PARTS, api

type Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@strawberry.type
class Leaves:
    """What the API has no use for yet."""

    ids: list[strawberry.ID]
    texts: list[str]
    numbers: list[int]
    floats: list[float | None] | None
    grid: list[list[str | None]] | None
    flags: list[bool] | None
    statuses: list[RunStatus | None]
    times: list[datetime] | None
    things: list[JSON | None]


def definition(kind: GraphQLNamedType | GraphQLField) -> Any:
    """What Strawberry made a type or a field from."""
    return kind.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]


def composites() -> list[Composite]:
    """Every object type, interface and union of the API but the roots."""
    roots = {api._schema.query_type, api._schema.mutation_type, api._schema.subscription_type}
    return [
        kind
        for kind in api._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
        and kind not in roots
        and not is_introspection_type(kind)
    ]


def _shown() -> dict[str, Any]:
    found: dict[str, Any] = {"leaves": Leaves}
    for kind in composites():
        made_from = definition(kind)
        one = made_from.origin if isinstance(made_from, StrawberryObjectDefinition) else _union(made_from)
        found[kind.name] = one
        found[f"{kind.name}_or_null"] = one | None
        found[f"{kind.name}_list"] = _listed(one)
        found[f"{kind.name}_gaps"] = _listed(_listed(one | None)) | None
    return found


def _listed(item: Any) -> Any:
    return GenericAlias(list, (item,))


def _union(union: StrawberryUnion) -> Any:
    return Annotated[reduce(or_, [each.resolve() for each in union.type_annotations]), union]


Root = strawberry.type(type("Root", (), {"__annotations__": _shown()}))
SCHEMA = strawberry.Schema(query=Root, types=PARTS, config=CONFIG)._schema
assert SCHEMA.query_type is not None
ROOT = SCHEMA.query_type
