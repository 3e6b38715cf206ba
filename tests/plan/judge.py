"""What graphql-core answers, and what the plans do."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from graphql import DocumentNode, ExecutionResult, Executor, execute
from graphql.execution.incremental import IncrementalExecutor
from graphql.pyutils import is_awaitable

from tests.plan.probe import ROOT, SCHEMA, definition
from transports.encoding import encode
from transports.plan import PlannedExecutor, Plans, execution


async def executed(
    document: DocumentNode,
    variables: Mapping[str, Any],
    root: str,
    value: object,
    executor: type[Executor[Any]] = IncrementalExecutor,
) -> ExecutionResult:
    """The result of a document if the resolver of its root field has returned this value."""
    root_value = SimpleNamespace(**{definition(ROOT.fields[root]).python_name: value})
    result = execute(SCHEMA, document, root_value, variable_values=dict(variables), executor_class=executor)
    found = await result if is_awaitable(result) else result
    assert isinstance(found, ExecutionResult)
    return found


async def planned(
    document: DocumentNode,
    variables: Mapping[str, Any],
    root: str,
    value: object,
    plans: Plans,
    executor: type[PlannedExecutor] = PlannedExecutor,
) -> ExecutionResult:
    """The same from the executor that shapes with plans."""
    token = execution.plans.set(plans)
    try:
        return await executed(document, variables, root, value, executor)
    finally:
        execution.plans.reset(token)


def told(result: ExecutionResult) -> object:
    """Everything that a client is told: the data's bytes, or that it has none, and the errors."""
    try:
        data: object = encode({"data": result.data})
    except (TypeError, ValueError) as error:
        data = type(error)
    return data, [error.formatted for error in result.errors or ()]
