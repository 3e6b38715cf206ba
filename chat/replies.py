"""Replies: a run of this process, from the model's first event to the run's end."""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chat import doorbells, history, limits, outputs, runs, titles
from chat.drafts import Draft
from chat.journal import Fenced, Pen
from chat.outputs import Output
from chat.patience import patiently
from chat.process import Process
from chat.runs import Outcome
from db import messages, owned, texts
from db.models import Agent, FinishReason, Json, Message, Run, RunStatus
from llm import formats
from llm.errors import ModelError
from llm.events import Finished, Progress
from llm.turns import Request, Text, Turn

_log = logging.getLogger("transom.replies")

CANCELLED = "cancelled"
INTERRUPTED = "interrupted"
"""What a process resolves the future in `Process.stops` with."""


GO_ON = Turn("user", (Text("Go on exactly where you stopped, without repeating anything."),))
"""What a model is told that is to take up a reply which was stopped."""


async def produce(process: Process, run: Run) -> None:
    """Has the model write the run's message, until it is done, fails, or is told to stop; then ends the run.

    It never raises: what goes wrong is the run's outcome. While the database is away it waits.
    """
    stop = process.stops[run.id]
    pen = process.journal.pen(
        run_id=run.id, session_id=run.session_id, message_id=run.message_id, epoch=run.epoch, producer=process.id
    )
    if run.cancel_requested_at is not None and not stop.done():
        stop.set_result(CANCELLED)
    writing = asyncio.create_task(_write(process, run, pen), name=f"reply {run.id}")
    try:
        both: set[asyncio.Future[Any]] = {writing, stop}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        outcome = _outcome(writing) if writing.done() else await _stopped(process, writing, stop.result())
        if outcome is not None:
            await _end(process, run, pen, outcome)
    finally:
        writing.cancel()
        del process.stops[run.id]


async def _stopped(process: Process, writing: asyncio.Task[Outcome], how: str) -> Outcome:
    """Stops the writing. If it is deaf, the run ends without it when the grace time is over."""
    writing.add_done_callback(lambda task: None if task.cancelled() else task.exception())  # heard, and of no interest
    writing.cancel()
    await asyncio.wait({writing}, timeout=process.timing.grace)
    return Outcome(RunStatus.CANCELLED if how == CANCELLED else RunStatus.INTERRUPTED)


def _outcome(writing: asyncio.Task[Outcome]) -> Outcome | None:
    """How the writing ended; None where the run is another producer's now."""
    try:
        return writing.result()
    except Fenced:
        return None
    except ModelError as error:
        return Outcome(RunStatus.FAILED, error=_told(error))
    except Exception:
        _log.exception("A reply failed.")
        reason = "Something went wrong on the server. The log says what; try again."
        return Outcome(RunStatus.FAILED, error={"code": "INTERNAL", "reason": reason})


async def _end(process: Process, run: Run, pen: Pen, outcome: Outcome) -> None:
    pen.close()
    try:
        await pen.flush()
    except Fenced:
        return
    ended = await patiently(lambda: runs.finish(process, run, outcome), "The end of a reply")
    if ended is not None and ended.status is RunStatus.COMPLETED:
        process.jobs.start(_entitle(process, run), f"title {run.session_id}")


async def _write(process: Process, run: Run, pen: Pen) -> Outcome:
    task = await patiently(lambda: _prepare(process, run), "A reply")
    draft = Draft(task.so_far)
    parameters = task.agent.parameters if task.agent else {}
    asked = formats.of(parameters)
    output = None if asked is None else Output(asked, task.so_far)
    request = Request(
        turns=task.turns,
        instructions=task.agent.instructions if task.agent else None,
        model=task.agent.model if task.agent else None,
        # A model that is held to the format would begin anew, in place of going on.
        parameters=formats.without(parameters) if output is not None and output.has_begun else parameters,
    )
    model = process.models.choose(task.agent.provider if task.agent else None)
    first: datetime | None = None
    finished: Finished | None = None
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, Finished):
                finished = event
                break
            if isinstance(event, Progress):
                if first is None:
                    doorbells.progress(process.bus, run.session_id, run.id, event.read, event.total)
                continue
            first = first or datetime.now(UTC)
            if output is not None:
                output.take(event)
            if (added := draft.take(event)) is not None:
                await pen.write(added)
    assert finished is not None, "A model's stream ended without `Finished`."
    return await _completed(finished, first, output)


@dataclass(frozen=True, slots=True)
class _Task:
    turns: tuple[Turn, ...]
    so_far: list[Json]
    agent: Agent | None


async def _prepare(process: Process, run: Run) -> _Task:
    async with process.db.system() as tx:
        reply = await messages.get(tx, run.message_id)
        assert reply is not None
        agent = None if run.agent_id is None else await owned.get(tx, Agent, run.agent_id)
        turns = await history.before(tx, reply)
        if reply.parts:
            turns = (*turns, *history.turns(reply), GO_ON)
        return _Task(turns, reply.parts, agent)


async def _entitle(process: Process, run: Run) -> None:
    """Gives the session a title after its first exchange."""
    async with process.db.system() as tx:
        reply = await messages.get(tx, run.message_id)
        question: Message | None = None
        if reply is not None and reply.depth == 1 and reply.parent_id is not None:
            question = await messages.get(tx, reply.parent_id)
    if reply is not None and question is not None:
        await titles.improve(process, run.session_id, question, reply.content)


async def _completed(event: Finished, first: datetime | None, output: Output | None) -> Outcome:
    outcome = Outcome(
        RunStatus.COMPLETED,
        usage=_usage(event),
        provider_ref=None if event.provider_ref is None else texts.storable(event.provider_ref),
        model=None if event.model is None else texts.storable(event.model)[: limits.NAME],
        finish_reason=FinishReason(event.finish_reason),
        finish_word=None if event.word is None else texts.storable(event.word)[: limits.NAME],
        first_token_at=first,
    )
    if output is None or event.finish_reason not in outputs.ENDS:
        return outcome
    try:
        return replace(outcome, output=await output.part())
    except ModelError as error:
        return replace(outcome, status=RunStatus.FAILED, error=_told(error))


def _told(error: ModelError) -> dict[str, str]:
    return {"code": error.code, "reason": error.reason}


def _usage(event: Finished) -> dict[str, int]:
    """The usage as clients see it."""
    usage = event.usage
    counts = {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cached_input_tokens,
    }
    return {name: count for name, count in counts.items() if count is not None}
