"""Which object type a value is of."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLObjectType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from transports.plan.unplanned import Unplanned

type Shape = Callable[[Any], Any]
"""From a value to its JSON form: dicts, lists, and what the encoder takes for a leaf."""


class Shapes(dict[type, Shape]):
    """From the Python type of a value to its shape. Only types that Strawberry would resolve are found.

    Raises `Unplanned` for any other. `origins` are the classes that were decorated; a subclass counts as its own.
    """

    def __init__(self, origins: Mapping[type, Shape]) -> None:
        super().__init__()
        self._origins = origins

    def __missing__(self, kind: type) -> Shape:
        definition = get_object_definition(kind)
        shape = None if definition is None else self._origins.get(definition.origin)
        if shape is None or issubclass(kind, Exception) or any(hasattr(kind, name) for name in _STRANGE):
            raise Unplanned
        self[kind] = shape
        return shape


_STRANGE = ("__await__", TYPE_CAST_ATTRIBUTE)


def origins(declared: GraphQLObjectType) -> list[type]:
    """The classes whose instances are certainly of an object type, where that type is declared.

    Raises:
        Unplanned: the type decides by itself.
    """
    definition = _definition(declared)
    generic = definition.concrete_of
    return [definition.origin] if generic is None else [definition.origin, generic.origin]


def origin(possible: GraphQLObjectType) -> type:
    """The class whose instances are certainly of an object type, where an interface or union is declared.

    Raises:
        Unplanned: the type, or an interface of it, decides by itself.
    """
    definition = _definition(possible)
    if definition.name != possible.name or any(each.resolve_type for each in definition.interfaces):
        raise Unplanned
    return definition.origin


def _definition(kind: GraphQLObjectType) -> StrawberryObjectDefinition:
    definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_type_of:
        raise Unplanned
    return definition
