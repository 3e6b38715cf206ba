"""Compiled projection: a selection, read once, becomes a Python function from values to their JSON form.

A plan does what graphql-core would do with plain attributes of Strawberry objects, some fifty times as fast. Whatever
it does not understand it declines, before or while it runs; then graphql-core executes the operation, so that errors,
paths and nulls that spread are its own. A plan reads no context: what it gives depends on the value alone.

Two things must hold: documents are valid for the schema, and no value is marked with `strawberry.cast`.
"""

from transports.plan.execution import PlannedExecutor
from transports.plan.plans import Plan, Plans, compile
from transports.plan.unplanned import Unplanned

__all__ = ["Plan", "PlannedExecutor", "Plans", "Unplanned", "compile"]
