"""Queries and mutations: graphql-core runs the resolvers, plans shape what they return."""

from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from graphql import GraphQLOutputType, GraphQLResolveInfo, get_named_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from server.graphql.plan.plans import Plans

plans: ContextVar[Plans | None] = ContextVar("plans", default=None)
"""The plans of the operation that is about to be executed."""


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes as graphql-core does, but what a resolver has returned goes through a plan if it can.

    For Strawberry's `execution_context_class`.
    A value that a plan declines is completed by graphql-core, one level; what is below it is tried again. Without
    `plans`, or with middleware around every resolver, it is graphql-core's own executor.
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
        """The JSON form of what a field's resolver has returned."""
        known = plans.get()
        if known is not None and not self._is_wrapped() and not is_leaf_type(get_named_type(return_type)):
            shape = known.shape(self, return_type, field_details_list)
            if shape is not None:
                with suppress(Exception):  # graphql-core meets it again, and says where
                    return shape(result)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def _is_wrapped(self) -> bool:
        """Whether an extension wants to see every resolver called."""
        return self.middleware_manager is not None and bool(self.middleware_manager.middlewares)
