"""Runs: look, stop, try again, change what waits, answer."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from chat.conversation.reply_requests import Reply, WhenBusy
from chat.conversation.sessions import Seen
from chat.runs import input_requests, queues, retries, runs
from schema import identifier
from schema.context import Info
from schema.message import Message
from schema.payload import (
    AnswerRunPayload,
    AskAgainPayload,
    CancelRunPayload,
    CancelSendPayload,
    EditQueuedRunPayload,
    MoveQueuedRunPayload,
)
from schema.repeat import Key, check, once
from schema.result import (
    AnswerRunResult,
    CancelRunResult,
    CancelSendResult,
    ContinueRunResult,
    EditQueuedRunResult,
    MoveQueuedRunResult,
    RetryRunResult,
)
from schema.run import Run
from schema.session import Session

RunId = Annotated[strawberry.ID, strawberry.argument(description="The run's id.")]


async def run(info: Info, id: RunId) -> Run | None:
    """One run."""
    row = await info.context.runs.load(identifier.parse("id", id))
    return None if row is None else Run.of(row)


async def cancel(info: Info, id: RunId, client_mutation_id: Key = None) -> CancelRunResult:
    """Stops a run."""
    row = await runs.cancel(once(info, "cancelRun", client_mutation_id, id), identifier.parse("id", id))
    return CancelRunPayload(run=Run.of(row))


async def cancel_send(
    info: Info,
    client_mutation_id: Annotated[
        str, strawberry.argument(description="The `clientMutationId` of the mutation that asked for the reply.")
    ],
) -> CancelSendResult:
    """Stops whatever was, or will be, asked for under a key."""
    row = await runs.cancel_sent(info.context.scope, check(client_mutation_id))
    return CancelSendPayload(run=None if row is None else Run.of(row))


async def retry(
    info: Info,
    id: RunId,
    when_busy: Annotated[
        WhenBusy, strawberry.argument(description="What to do while another reply is being written.")
    ] = WhenBusy.QUEUE,
    client_mutation_id: Key = None,
) -> RetryRunResult:
    """Asks for another reply."""
    scope = once(info, "retryRun", client_mutation_id, id, when_busy)
    return _again(*await retries.retry(scope, identifier.parse("id", id), when_busy=when_busy))


async def resume(info: Info, id: RunId, client_mutation_id: Key = None) -> ContinueRunResult:
    """Has a reply taken up where it stopped."""
    scope = once(info, "continueRun", client_mutation_id, id)
    return _again(*await retries.resume(scope, identifier.parse("id", id)))


def _again(seen: Seen, reply: Reply) -> AskAgainPayload:
    return AskAgainPayload(session=Session.of(seen), reply=Message.of(reply.message), run=Run.of(reply.run))


async def edit_queued(
    info: Info,
    id: RunId,
    text: Annotated[str, strawberry.argument(description="What the message says from now on.")],
    client_mutation_id: Key = None,
) -> EditQueuedRunResult:
    """Changes a message that waits for its answer."""
    scope = once(info, "editQueuedRun", client_mutation_id, id, text)
    message, run = await queues.edit(scope, identifier.parse("id", id), text)
    return EditQueuedRunPayload(message=Message.of(message), run=Run.of(run))


async def move_queued(
    info: Info,
    id: RunId,
    before_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="The queued run that it comes before; null for the end.")
    ] = None,
    client_mutation_id: Key = None,
) -> MoveQueuedRunResult:
    """Changes the order of the queue."""
    scope = once(info, "moveQueuedRun", client_mutation_id, id, before_id)
    place = identifier.optional("beforeId", before_id)
    queue = await queues.move(scope, identifier.parse("id", id), place)
    return MoveQueuedRunPayload(queue=[Run.of(run) for run in queue])


async def answer(
    info: Info,
    id: RunId,
    question_id: Annotated[strawberry.ID, strawberry.argument(description="The question, from `run.question`.")],
    answer: Annotated[JSON, strawberry.argument(description='The answer: a JSON object, such as {"approved": true}.')],
    client_mutation_id: Key = None,
) -> AnswerRunResult:
    """Answers a run."""
    row = await input_requests.answer(
        once(info, "answerRun", client_mutation_id, id, question_id, answer),
        identifier.parse("id", id),
        identifier.parse("questionId", question_id),
        answer,
    )
    return AnswerRunPayload(run=Run.of(row))
