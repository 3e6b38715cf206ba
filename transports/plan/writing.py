"""The Python source of a plan, written from the selection and run at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from graphql import (
    Executor,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLUnionType,
    TypeNameMetaFieldDef,
)
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from transports.plan import leaves, shapes
from transports.plan.shapes import Shape, Shapes
from transports.plan.unplanned import Unplanned

MOST_FIELDS = 1_000
"""A selection with more fields, counted for each type that it may be of, takes more memory than a plan is worth."""


class Writer:
    """Writes functions for one operation with its variables. What is selected, graphql-core itself finds out.

    Nothing of the document gets into the source but names, and those as string literals.
    """

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor
        self._known: dict[str, Any] = {"sequences": frozenset({list, tuple}), "no_list": _no_list}
        self._known |= {"datetime": datetime, "UTC": UTC}
        self._leaves: dict[GraphQLScalarType | GraphQLEnumType, str] = {}
        self._fields = 0

    def shape(self, kind: GraphQLOutputType, fields: FieldDetailsList, around: Sequence[str] = ()) -> Shape:
        """The function for what these fields select of a value of this type, inside objects with one key each.

        Raises:
            Unplanned: there is something in it that only graphql-core can do.
        """
        found = self._any(kind, fields, "v")
        for key in reversed(around):
            found = f"{{{key!r}: {found}}}"
        return self._function("value", [f"return {found}"])

    def _function(self, name: str, lines: list[str]) -> Shape:
        source = "\n    ".join([f"def {name}(v):", *lines])
        local: dict[str, Shape] = {}
        exec(source, self._known, local)
        return local[name]

    def _named(self, prefix: str, value: object) -> str:
        """A name in the source for something that exists."""
        name = f"{prefix}_{len(self._known)}"
        self._known[name] = value
        return name

    def _any(self, kind: GraphQLOutputType, fields: FieldDetailsList, variable: str) -> str:
        """The expression for the value in a variable."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, fields, variable)
        return f"(None if {variable} is None else {self._present(kind, fields, variable)})"

    def _present(self, kind: GraphQLOutputType, fields: FieldDetailsList, variable: str) -> str:
        """The same, where null has no place; it then fails by itself."""
        match kind:
            case GraphQLScalarType():
                coerce = self._leaf(kind)
                test = leaves.test(kind, variable)
                return f"{coerce}({variable})" if test is None else f"({variable} if {test} else {coerce}({variable}))"
            case GraphQLEnumType():
                return f"{self._leaf(kind)}[{variable}]"
            case GraphQLList():
                each = f"{variable}_"
                sequence = f"{variable} if type({variable}) in sequences else no_list()"
                return f"[{self._any(kind.of_type, fields, each)} for {each} in ({sequence})]"
            case GraphQLObjectType():
                shape = self._object(kind, fields)
                return self._dispatch(kind.name, dict.fromkeys(shapes.origins(kind), shape), variable)
            case GraphQLInterfaceType() | GraphQLUnionType():
                return self._dispatch(kind.name, self._possible(kind, fields), variable)
            case _:
                raise Unplanned

    def _leaf(self, kind: GraphQLScalarType | GraphQLEnumType) -> str:
        """The name of what turns a leaf into JSON: a scalar's function, an enum's names."""
        if kind not in self._leaves:
            leaf = leaves.coerced(kind) if isinstance(kind, GraphQLScalarType) else leaves.names(kind)
            self._leaves[kind] = self._named(kind.name, leaf)
        return self._leaves[kind]

    def _dispatch(self, name: str, origins: Mapping[type, Shape], variable: str) -> str:
        return f"{self._named(name, Shapes(origins))}[type({variable})]({variable})"

    def _possible(self, kind: GraphQLInterfaceType | GraphQLUnionType, fields: FieldDetailsList) -> dict[type, Shape]:
        """The shapes of the possible types, of those that can be planned.

        Raises:
            Unplanned: none can.
        """
        found: dict[type, Shape] = {}
        definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if getattr(definition, "resolve_type", None) is not None:
            raise Unplanned
        for possible in self._executor.schema.get_possible_types(kind):
            try:
                found[shapes.origin(possible)] = self._object(possible, fields)
            except Unplanned:
                continue
        if not found:
            raise Unplanned
        return found

    def _object(self, kind: GraphQLObjectType, fields: FieldDetailsList) -> Shape:
        """The function for the selection of an object type."""
        lines, items = [], []
        collected = self._executor.collect_subfields(kind, fields).grouped_field_set
        self._fields += len(collected)
        if self._fields > MOST_FIELDS:
            raise Unplanned
        for number, (key, group) in enumerate(collected.items()):
            definition = self._executor.schema.get_field(kind, group[0].node.name.value)
            if definition is None:
                raise Unplanned
            if definition is TypeNameMetaFieldDef:
                items.append(f"{key!r}: {kind.name!r}")
                continue
            lines.append(f"f{number} = v.{attribute(definition)}")
            items.append(f"{key!r}: {self._any(definition.type, group, f'f{number}')}")
        return self._function(f"shape_{kind.name}", [*lines, f"return {{{', '.join(items)}}}"])


def attribute(field: GraphQLField) -> str:
    """The attribute that a field shows.

    Raises:
        Unplanned: it is no plain attribute.
    """
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if (
        not isinstance(definition, StrawberryField)
        or not definition.is_basic_field
        or definition.is_subscription
        or definition.default_resolver is not getattr
    ):
        raise Unplanned
    return definition.python_name


def _no_list() -> list[Any]:
    raise Unplanned
