"""The plans of an operation: of the whole, or of what its resolvers return."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from graphql import DocumentNode, Executor, GraphQLError, GraphQLOutputType, GraphQLSchema
from graphql.execution.collect_fields import FieldDetailsList, collect_fields
from graphql.utilities import get_operation_ast

from transports.encoding import encode
from transports.plan import choices
from transports.plan.shapes import Shape
from transports.plan.unplanned import Unplanned
from transports.plan.writing import Writer

MOST_CHOICES = 4
"""Combinations of what the variables of an operation's directives may be that are remembered."""


class Plan:
    """What an operation with one root field answers for a value of that field.

    Equal only to itself, and hashable: everybody who shares a plan gets the same bytes for the same value.
    """

    __slots__ = ("shape",)

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def encode(self, value: object) -> bytes:
        """The execution result `{"data":{…}}` as JSON, byte for byte what the server's encoder makes of graphql-core's.

        Raises:
            Unplanned: only graphql-core can tell, for instance because it would be an error.
        """
        try:
            return encode(self.shape(value))
        except Exception as error:
            raise Unplanned from error


class Plans:
    """The plans of one operation. Keep it with the document: it makes each plan once.

    `name` is the operation's, as graphql-core takes it: None if it is the only one.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, name: str | None = None) -> None:
        self._schema = schema
        self._document = document
        self._name = name
        self._operation = get_operation_ast(document, name)
        self._variables: Sequence[str] | None = None
        self._understood = True
        self._wholes: OrderedDict[Hashable, Plan | None] = OrderedDict()
        self._shapes: OrderedDict[Hashable, dict[Hashable, Shape | None]] = OrderedDict()

    def of(self, variables: Mapping[str, Any] | None) -> Plan | None:
        """The plan of the whole operation for these variables as the client sent them; None if it takes graphql-core.

        Variables that no directive reads make no difference: the plan is the same object.
        """
        executor = Executor.build(
            self._schema, self._document, raw_variable_values=dict(variables or {}), operation_name=self._name
        )
        if not isinstance(executor, Executor) or (choice := self._choice(executor)) is None:
            return None
        return _remembered(self._wholes, choice, lambda: _whole(executor))

    def shape(self, executor: Executor[Any], kind: GraphQLOutputType, fields: FieldDetailsList) -> Shape | None:
        """The shape of what the resolver of these fields has returned; None if it takes graphql-core."""
        if (choice := self._choice(executor)) is None:
            return None
        shapes = _remembered(self._shapes, choice, dict[Hashable, Shape | None])
        place = (kind, *(id(each.node) for each in fields))
        if place not in shapes:
            shapes[place] = _shape(executor, kind, fields)
        return shapes[place]

    def _choice(self, executor: Executor[Any]) -> Hashable | None:
        """What the variables of the directives are; None if plans do not understand them, or it is another operation.

        Places are known by the identity of syntax nodes, and only this document's are kept.
        """
        if executor.operation is not self._operation:
            return None
        if self._variables is None and self._understood:
            try:
                self._variables = choices.variables(executor)
            except Unplanned:
                self._understood = False
        return None if self._variables is None else choices.made(executor, self._variables)


def compile(
    schema: GraphQLSchema, document: DocumentNode, name: str | None = None, variables: Mapping[str, Any] | None = None
) -> Plan | None:
    """The plan of the operation of this name with these variables; None if it takes graphql-core."""
    return Plans(schema, document, name).of(variables)


def _remembered[T](known: OrderedDict[Hashable, T], choice: Hashable, make: Callable[[], T]) -> T:
    """What is known for a choice, made if need be; the oldest choice is forgotten for it."""
    if choice not in known:
        known[choice] = make()
        if len(known) > MOST_CHOICES:
            known.popitem(last=False)
    return known[choice]


def _whole(executor: Executor[Any]) -> Plan | None:
    """The plan of an operation with one root field."""
    schema, operation = executor.schema, executor.operation
    root = schema.get_root_type(operation.operation)
    assert root is not None
    try:
        fields = collect_fields(schema, executor.fragments, executor.variable_values, root, operation).grouped_field_set
    except GraphQLError:
        return None
    if len(fields) != 1:
        return None
    ((key, group),) = fields.items()
    name = group[0].node.name.value
    definition = schema.get_field(root, name)
    if definition is None or name.startswith("__"):
        return None
    shape = _shape(executor, definition.type, group, around=("data", key))
    return None if shape is None else Plan(shape)


def _shape(
    executor: Executor[Any], kind: GraphQLOutputType, fields: FieldDetailsList, around: Sequence[str] = ()
) -> Shape | None:
    try:
        return Writer(executor).shape(kind, fields, around)
    except (GraphQLError, Unplanned):
        return None
