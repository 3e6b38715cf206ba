"""Replies: a run of this process, from the model's first event to the run's end."""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chat import validation
from chat.process import Process
from chat.runs import compaction, outputs, runs, titles, usages
from chat.runs.model_context import Context
from chat.runs.outputs import Output
from chat.runs.rooms import Room
from chat.runs.runs import Outcome
from db import messages, owned, texts
from db.models import Agent, FinishReason, Json, Message, Run, RunStatus
from llm import formats
from llm.errors import ModelError, ModelErrorCode
from llm.events import Finished, Progress
from llm.turns import Request, Text, Turn
from sync import channels
from sync.journal import Fenced, Pen
from sync.reply_builder import Draft
from sync.retry import patiently

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
    message, agent = await patiently(lambda: _begin(process, run), "A reply")
    window = await patiently(lambda: process.windows.of(agent), "A reply")
    room = Room.of(window, agent)
    reply = _Reply(process, run, pen, agent, message.parts)
    context, turns = await compaction.fit(process, run, message, agent, room)
    try:
        return await reply.write(context, turns)
    except ModelError as error:
        if error.code is not ModelErrorCode.TOO_LONG or reply.has_begun:
            raise
        if (found := error.window) is not None:
            await patiently(lambda: process.windows.learn(agent, found), "What a model reads")
        room.refused(context.weight, error)
    if room.longest_reply is not None and room.longest_reply >= room.window:
        raise _no_room(room.window, room.longest_reply)
    fitting, turns = await compaction.fit(process, run, message, agent, room)
    if fitting.weight >= context.weight:
        raise _too_long(room, fitting)
    try:
        return await reply.write(fitting, turns)
    except ModelError as again:
        if again.code is ModelErrorCode.TOO_LONG:
            raise _too_long(room, fitting) from again
        raise


def _no_room(window: int, reply: int) -> ModelError:
    """Why no conversation is short enough: what a reply may have is counted with it."""
    reason = (
        f"This model reads and writes {window:,} tokens at once, and its agent allows {reply:,} for a reply alone. "
        "Give the agent a smaller 'max_tokens'."
    )
    return ModelError(reason, ModelErrorCode.TOO_LONG)


def _too_long(room: Room, context: Context) -> ModelError:
    """Why a conversation is too long of which nothing more can be put in short."""
    tokens = room.tokens(context.weight)
    size = f"this model, which reads {room.window:,} tokens at once: with what has to be told besides, it has about"
    if any(not each.is_finished for each in context.outline[:-1]):
        reason = (
            f"The conversation is too long for {size} {tokens:,}. What follows a reply that is still being written "
            "cannot be put in short. Wait for its end, or stop its run."
        )
    else:
        reason = (
            f"The last message is too long for {size} {tokens:,}. Send a shorter one, or choose a model that can read "
            "more."
        )
    return ModelError(reason, ModelErrorCode.TOO_LONG)


async def _begin(process: Process, run: Run) -> tuple[Message, Agent | None]:
    """The reply as far as it is, and who answers."""
    async with process.db.system() as tx:
        reply = await messages.read(tx, run.message_id)
        assert reply is not None
        return reply, None if run.agent_id is None else await owned.get(tx, Agent, run.agent_id)


@dataclass(slots=True)
class _Reply:
    """A reply that a model writes."""

    process: Process
    run: Run
    pen: Pen
    agent: Agent | None
    so_far: list[Json]
    first: datetime | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the model has said something of it."""
        return self.first is not None

    async def write(self, context: Context, turns: tuple[Turn, ...]) -> Outcome:
        """Has the model write it, from what it is told."""
        agent, run, draft = self.agent, self.run, Draft(self.so_far)
        parameters = agent.parameters if agent else {}
        asked = formats.of(parameters)
        output = None if asked is None else Output(asked, self.so_far)
        request = Request(
            turns=(*turns, GO_ON) if self.so_far else turns,
            instructions=agent.instructions if agent else None,
            model=agent.model if agent else None,
            # A model that is held to the format would begin anew, in place of going on.
            parameters=formats.without(parameters) if output is not None and output.has_begun else parameters,
        )
        provider = agent.provider if agent else None
        finished: Finished | None = None
        async with aclosing(self.process.models.stream(request, provider=provider)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    finished = event
                    break
                if isinstance(event, Progress):
                    if not self.has_begun:
                        channels.progress(self.process.bus, run.session_id, run.id, event.read, event.total)
                    continue
                self.first = self.first or datetime.now(UTC)
                if output is not None:
                    output.take(event)
                if (added := draft.take(event)) is not None:
                    await self.pen.write(added)
        assert finished is not None, "A model's stream ended without `Finished`."
        outcome = _completed(finished, self.first, context.weight)
        return outcome if output is None else await _with(output, outcome)


async def _entitle(process: Process, run: Run) -> None:
    """Gives the session a title after its first exchange."""
    async with process.db.system() as tx:
        reply = await messages.get(tx, run.message_id)
        question: Message | None = None
        if reply is not None and reply.depth == 1 and reply.parent_id is not None:
            question = await messages.get(tx, reply.parent_id)
    if reply is not None and question is not None:
        await titles.improve(process, run.session_id, question, reply.content)


def _completed(event: Finished, first: datetime | None, told_bytes: int) -> Outcome:
    return Outcome(
        RunStatus.COMPLETED,
        usage=usages.of(event.usage),
        provider_ref=None if event.provider_ref is None else texts.storable(event.provider_ref),
        provider=event.provider,
        model=None if event.model is None else texts.storable(event.model)[: validation.NAME],
        finish_reason=FinishReason(event.finish_reason),
        finish_word=None if event.word is None else texts.storable(event.word)[: validation.NAME],
        first_token_at=first,
        told_bytes=told_bytes,
    )


async def _with(output: Output, outcome: Outcome) -> Outcome:
    """The end of a reply with the value of its answer; a failure where that is not what was asked for."""
    if outcome.finish_reason not in outputs.ENDS:
        return outcome
    try:
        return replace(outcome, output=await output.part())
    except ModelError as error:
        return replace(outcome, status=RunStatus.FAILED, error=_told(error))


def _told(error: ModelError) -> dict[str, str]:
    return {"code": error.code, "reason": error.reason}
