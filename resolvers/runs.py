"""Runs: cancel."""

from typing import Annotated

import strawberry

from chat import runs
from schema import identifier
from schema.context import Info
from schema.payload import CancelRunPayload, CancelRunResult
from schema.run import Run

RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]


async def run(info: Info, id: RunId) -> Run | None:
    """One run."""
    row = await info.context.runs.load(identifier.parse("id", id))
    return None if row is None else Run.of(row)


async def cancel(info: Info, run_id: RunId) -> CancelRunResult:
    """Stops a run."""
    return CancelRunPayload(run=Run.of(await runs.cancel(info.context.scope, identifier.parse("runId", run_id))))
