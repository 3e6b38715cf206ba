"""Enums that rows and rules define, as clients see them."""

from enum import StrEnum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition


def describe(kind: type[StrEnum], description: str, **values: str) -> None:
    """Shows an enum to clients; `values` say what each of its members means."""
    strawberry.enum(kind, description=description)
    definition: StrawberryEnumDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
    assert {value.name for value in definition.values} == set(values)
    for value in definition.values:
        value.description = values[value.name]
