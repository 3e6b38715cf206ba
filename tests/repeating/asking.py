"""Asking the schema as a client does, without a transport."""

from typing import Any

from chat.scope import Scope
from resolvers.root import api
from schema.context import Context


async def ask(scope: Scope, document: str, **variables: Any) -> dict[str, Any]:
    """The data of an operation that has no errors."""
    result = await api.execute(document, variable_values=variables, context_value=Context(scope))
    assert result.errors is None, result.errors
    assert result.data is not None
    return result.data
