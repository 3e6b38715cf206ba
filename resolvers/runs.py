"""Runs: cancel."""

from typing import Annotated

import strawberry

from chat import runs
from schema import identifier
from schema.context import Info
from schema.payload import CancelRunPayload, CancelRunResult
from schema.repeat import Key, once
from schema.run import Run

RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]


async def run(info: Info, id: RunId) -> Run | None:
    """One run."""
    row = await info.context.runs.load(identifier.parse("id", id))
    return None if row is None else Run.of(row)


async def cancel(info: Info, run_id: RunId, client_mutation_id: Key = None) -> CancelRunResult:
    """Stops a run."""
    row = await runs.cancel(once(info, client_mutation_id, run_id), identifier.parse("runId", run_id))
    return CancelRunPayload(run=Run.of(row))
