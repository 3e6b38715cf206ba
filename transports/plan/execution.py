"""Queries and mutations: graphql-core runs the resolvers, plans shape what they return."""

from contextvars import ContextVar
from typing import Any

import orjson
from graphql import GraphQLOutputType, GraphQLResolveInfo, get_named_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db import budgets
from transports.encoding import encode
from transports.plan.plans import Plans

plans: ContextVar[Plans | None] = ContextVar("plans", default=None)
"""The plans of the operation that is about to be executed."""

_SHORT = 200
"""Characters of a text that is too short to count; so many of those there cannot be."""


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes as graphql-core does, but what a resolver has returned goes through a plan if it can.

    For Strawberry's `execution_context_class`.
    A value that a plan declines is completed by graphql-core, one level; what is below it is tried again. Without
    `plans`, or with middleware around every resolver, it is graphql-core's own executor.

    Within a budget, what is complete is written at once, and counted: it is a fragment of JSON then.
    """

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The JSON form of what a field's resolver has returned.

        Raises:
            budgets.Exhausted: there is no room for it.
        """
        is_leaf = is_leaf_type(get_named_type(return_type))
        if not is_leaf and (known := plans.get()) is not None and not self._is_wrapped():
            shape = known.shape(self, return_type, field_details_list)
            if shape is not None:
                try:
                    found = shape(result)
                    written = _written(found)
                except Exception:  # graphql-core meets it again, and says where
                    pass
                else:
                    return _counted(found, written)
        found = super().complete_value(return_type, field_details_list, info, path, result, position_context)
        return _counted(found, _written(found)) if is_leaf else found

    def _is_wrapped(self) -> bool:
        """Whether an extension wants to see every resolver called."""
        return self.middleware_manager is not None and bool(self.middleware_manager.middlewares)


def _written(found: Any) -> bytes | None:
    """The JSON of an object or a list; None for what is neither, and where there is no budget."""
    return encode(found) if type(found) in {dict, list} and budgets.current() is not None else None


def _counted(found: Any, written: bytes | None) -> Any:
    """What goes into the answer."""
    if written is not None:
        _count(len(written))
        return orjson.Fragment(written)
    if type(found) is str and len(found) > _SHORT:
        _count(len(found))
    return found


def _count(size: int) -> None:
    if (budget := budgets.current()) is not None:
        budget.write(size)
