"""Inputs of which exactly one field is given, told to graphql-core as such.

Strawberry checks them by itself, in a way that graphql-core takes for a fault of the server's, and that knows no place.
"""

import strawberry
from graphql import GraphQLInputObjectType


def declare(schema: strawberry.Schema) -> strawberry.Schema:
    """The schema, with its `@oneOf` inputs checked where all other values are: a refusal names the place."""
    for kind in schema._schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType) and kind.extensions["strawberry-definition"].is_one_of:
            kind.is_one_of = True
            kind.out_type = GraphQLInputObjectType.out_type  # type: ignore[method-assign]
    return schema
