"""The two kinds of cursors: where a client stands in what happens, and where an item stands in a list."""

from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, GraphQLString
from strawberry.types.scalar import ScalarDefinition

SyncCursor = NewType("SyncCursor", str)
PageCursor = NewType("PageCursor", str)


def _scalar(name: str, description: str) -> ScalarDefinition:
    """A string under another name. Whether the text is a cursor of the right thing, the rule that takes it checks."""

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise GraphQLError(f"{name} cannot represent a non string value")
        return value

    return strawberry.scalar(
        name=name, description=description, serialize=GraphQLString.coerce_output_value, parse_value=parse
    )


SCALARS: Mapping[object, ScalarDefinition] = {
    SyncCursor: _scalar(
        "SyncCursor",
        "A string: how far a session's or an account's history has been told. You get it as `cursor`, of events and of "
        "what you read, and subscribe `after` it to go on from there. It says nothing of places in lists.",
    ),
    PageCursor: _scalar(
        "PageCursor",
        "A string: the place of an item in a list. You get it from `edges` and `pageInfo`, and ask for what comes "
        "`after` or `before` it. It says nothing of when something happened.",
    ),
}
"""What `StrawberryConfig` has to know."""
