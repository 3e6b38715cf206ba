"""What a selection depends on: its directives, and the variables that they read."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from graphql import (
    DirectiveNode,
    Executor,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
)

from transports.plan.unplanned import Unplanned

_UNDERSTOOD = {"include", "skip"}


def variables(executor: Executor[Any]) -> Sequence[str]:
    """The variables that decide which fields of an operation there are.

    Raises:
        Unplanned: it has other directives than `@include` and `@skip`, or fragments with variables.
    """
    operation, fragments = executor.operation, executor.fragment_definitions.values()
    if operation.directives or any(each.directives or each.variable_definitions for each in fragments):
        raise Unplanned
    found = dict[str, None]()
    for selections in (operation.selection_set, *(each.selection_set for each in fragments)):
        for directive in _directives(selections):
            if directive.name.value not in _UNDERSTOOD:
                raise Unplanned
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found[argument.value.name.value] = None
    return list(found)


def made(executor: Executor[Any], names: Sequence[str]) -> Hashable:
    """The values of these variables; None for one that was not given."""
    given = executor.variable_values.coerced
    return tuple(given.get(name) for name in names)


def _directives(selections: SelectionSetNode) -> Iterator[DirectiveNode]:
    for selection in selections.selections:
        assert isinstance(selection, FieldNode | InlineFragmentNode | FragmentSpreadNode)
        yield from selection.directives or ()
        if not isinstance(selection, FragmentSpreadNode) and selection.selection_set:
            yield from _directives(selection.selection_set)
