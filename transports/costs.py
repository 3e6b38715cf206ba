"""What an answer may cost at most, from the document and its variables alone: before anything is read.

A row is what is looked up by itself: each item of a list that has a size, and each field that has a resolver. Lists
multiply what is in them. What does not depend on variables is found out once for a document.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    value_from_ast_untyped,
)
from graphql.language import DirectiveNode, SelectionNode
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from transports.size import Size

type Variables = Mapping[str, Any]
type Amount = int | Callable[[Variables], int]
"""A number, or what makes it of the variables."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one operation."""

    amount: Amount
    copies: int
    """How often an answer shows something that is read once, at most: under several names."""
    defaults: Variables

    def rows(self, variables: Variables | None) -> int:
        """Rows that an answer has at most, or an event."""
        amount = self.amount
        if isinstance(amount, int):
            return amount
        return amount({**self.defaults, **variables} if variables else self.defaults)


def of(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, sizes: Mapping[str, Size]
) -> Cost:
    """The cost of an operation of a valid document. `sizes` of lists by `Type.field`."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    root = schema.get_root_type(operation.operation)
    assert root is not None
    counter = _Counter(schema, fragments, sizes)
    amount, copies = counter.selections(root, [operation.selection_set])
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    return Cost(amount, max(1, copies, counter.copies), defaults)


@dataclass(slots=True)
class _Key:
    """What a selection shows under one name."""

    nodes: list[FieldNode]
    conditions: list[Amount]
    """For each of the nodes, whether it is shown: 1 or 0."""


@dataclass(slots=True)
class _Counter:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    sizes: Mapping[str, Size]
    copies: int = 1

    def selections(self, kind: GraphQLNamedType, sets: Sequence[SelectionSetNode]) -> tuple[Amount, int]:
        """The rows below an object, and how often at most something of its own row is shown."""
        if is_abstract_type(kind):
            each = [self.selections(possible, sets) for possible in self.schema.get_possible_types(kind)]
            return _most([amount for amount, _ in each]), max((copies for _, copies in each), default=0)
        assert isinstance(kind, GraphQLObjectType)
        keys: dict[str, _Key] = {}
        for selections in sets:
            self._collect(kind, selections, keys)
        amounts: list[Amount] = []
        copies: dict[str, int] = {}
        for key in keys.values():
            name = key.nodes[0].name.value
            if name.startswith("__"):
                continue
            amount, shown = self._field(kind, name, key.nodes)
            amounts.append(amount if 1 in key.conditions else _times(_most(key.conditions), amount))
            copies[name] = copies.get(name, 0) + shown
        return _sum(amounts), max(copies.values(), default=0)

    def _collect(self, kind: GraphQLObjectType, selections: SelectionSetNode, keys: dict[str, _Key]) -> None:
        """Finds what a selection shows of an object, under which names. Fragments may be in fragments, very deep."""
        todo: list[tuple[SelectionNode, Amount]] = [(node, 1) for node in selections.selections]
        while todo:
            node, shown = todo.pop()
            here = _times(shown, _included(node.directives or ()))
            if here == 0:
                continue
            if isinstance(node, FieldNode):
                key = keys.setdefault((node.alias or node.name).value, _Key([], []))
                key.nodes.append(node)
                key.conditions.append(here)
                continue
            fragment = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(fragment, InlineFragmentNode | FragmentDefinitionNode)
            if fragment.type_condition is None or self._applies(fragment.type_condition.name.value, kind):
                todo += ((each, here) for each in fragment.selection_set.selections)

    def _applies(self, condition: str, kind: GraphQLObjectType) -> bool:
        wanted = self.schema.get_type(condition)
        return wanted is kind or (is_abstract_type(wanted) and self.schema.is_sub_type(wanted, kind))

    def _field(self, owner: GraphQLObjectType, name: str, nodes: Sequence[FieldNode]) -> tuple[Amount, int]:
        """The rows of a field, and how often it shows something of the row that it belongs to."""
        definition = self.schema.get_field(owner, name)
        assert definition is not None
        below: tuple[Amount, int] = (0, 1)
        if sets := [node.selection_set for node in nodes if node.selection_set]:
            below = self.selections(get_named_type(definition.type), sets)
        amount, copies = below
        size = self.sizes.get(f"{owner.name}.{name}")
        looked_up = is_looked_up(definition)
        if looked_up or size is not None:
            amount = _sum([1, amount])
        if size is not None:
            amount = _times(_size(size, nodes[0]), amount)
        if looked_up:
            self.copies = max(self.copies, copies)
            return amount, 0
        return amount, copies


def is_looked_up(field: GraphQLField) -> bool:
    """Whether it takes more than an attribute of the object that it belongs to."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return not isinstance(definition, StrawberryField) or not definition.is_basic_field


def _size(size: Size, node: FieldNode) -> Amount:
    given = {each.name.value: each.value for each in node.arguments or () if each.name.value in size.reads}
    if not any(_varies(value) for value in given.values()):
        return size.of({name: value_from_ast_untyped(value) for name, value in given.items()})
    return lambda variables: size.of({name: _value(value, variables) for name, value in given.items()})


def _varies(value: ValueNode) -> bool:
    """Whether there is a variable in it; in a list or an object there may be."""
    return not hasattr(value, "value") or isinstance(value, VariableNode)


def _value(value: ValueNode, variables: Variables) -> Any:
    if isinstance(value, VariableNode):
        return variables.get(value.name.value)
    return value_from_ast_untyped(value, dict(variables))


def _included(directives: Sequence[DirectiveNode]) -> Amount:
    """1 if directives let something be shown, 0 if they do not."""
    shown: Amount = 1
    for directive in directives:
        if directive.name.value in {"include", "skip"} and directive.arguments:
            wanted, value = directive.name.value == "include", directive.arguments[0].value
            shown = _times(shown, _decided(value, wanted))
    return shown


def _decided(value: ValueNode, wanted: bool) -> Amount:
    if not isinstance(value, VariableNode):
        return int(value_from_ast_untyped(value) is wanted)
    name = value.name.value
    return lambda variables: int(variables.get(name, wanted) is not (not wanted))


def _sum(amounts: Sequence[Amount]) -> Amount:
    constant = sum(each for each in amounts if isinstance(each, int))
    varying = [each for each in amounts if not isinstance(each, int)]
    if not varying:
        return constant
    return lambda variables: constant + sum(each(variables) for each in varying)


def _times(one: Amount, other: Amount) -> Amount:
    if isinstance(one, int):
        if isinstance(other, int):
            return one * other
        return other if one == 1 else 0 if one == 0 else lambda variables: one * other(variables)
    if isinstance(other, int):
        return _times(other, one)
    return lambda variables: one(variables) * other(variables)


def _most(amounts: Sequence[Amount]) -> Amount:
    constant = max((each for each in amounts if isinstance(each, int)), default=0)
    varying = [each for each in amounts if not isinstance(each, int)]
    if not varying:
        return constant
    return lambda variables: max(constant, *(each(variables) for each in varying))
