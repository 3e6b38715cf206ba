"""Runs that apps produce: start, append, finish, take over."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from chat import validation
from chat.refusals import InvalidInput
from chat.runs import appends, input_requests, producers
from chat.runs.appends import Said
from chat.runs.runs import Outcome
from db.models import RunStatus
from schema import identifier
from schema.context import Info
from schema.message import Message
from schema.production import (
    AppendToRunInput,
    AppendToRunPayload,
    AppendToRunResult,
    AwaitInputInput,
    AwaitInputPayload,
    AwaitInputResult,
    DataInput,
    FileInput,
    FinishRunInput,
    FinishRunPayload,
    FinishRunResult,
    HeldRunPayload,
    RunEnd,
    RunEventInput,
    StartRunInput,
    StartRunResult,
    TakeOverRunResult,
    ToolArgumentsInput,
    ToolCallInput,
    ToolResultInput,
    UsageInput,
)
from schema.repeat import Key, once
from schema.run import Run


async def start(
    info: Info,
    input: Annotated[StartRunInput, strawberry.argument(description="The reply.")],
    client_mutation_id: Key = None,
) -> StartRunResult:
    """Begins a run."""
    held = await producers.start(
        once(info, "startRun", client_mutation_id, input),
        identifier.parse("messageId", input.message_id),
        run_id=identifier.optional("id", input.id),
        agent_id=identifier.optional("agentId", input.agent_id),
        when_busy=input.when_busy,
    )
    return HeldRunPayload(run=Run.of(held.run), message=Message.of(held.message))


async def append(
    info: Info, input: Annotated[AppendToRunInput, strawberry.argument(description="The events.")]
) -> AppendToRunResult:
    """Stores events of a run."""
    acknowledged = await appends.append(
        info.context.scope,
        identifier.parse("id", input.id),
        input.epoch,
        input.from_seq,
        [said(event) for event in input.events],
    )
    return AppendToRunPayload(last_seq=acknowledged.last_seq, run=Run.of(acknowledged.run))


async def await_input(
    info: Info,
    input: Annotated[AwaitInputInput, strawberry.argument(description="The question.")],
    client_mutation_id: Key = None,
) -> AwaitInputResult:
    """Has a run wait for a person."""
    row = await input_requests.ask(
        once(info, "awaitInput", client_mutation_id, input),
        identifier.parse("id", input.id),
        input.epoch,
        input.text,
        data=input.data,
    )
    return AwaitInputPayload(run=Run.of(row))


async def finish(
    info: Info, input: Annotated[FinishRunInput, strawberry.argument(description="The end.")]
) -> FinishRunResult:
    """Ends a run."""
    if (input.failure is not None) is not (input.end is RunEnd.FAILED):
        raise InvalidInput("failure", "Give `failure` with the end `FAILED`, and only then.")
    held = await producers.finish(
        info.context.scope,
        identifier.parse("id", input.id),
        input.epoch,
        input.last_seq,
        Outcome(
            RunStatus(input.end.value),
            error=None if input.failure is None else {"code": input.failure.code, "reason": input.failure.reason},
            usage=None if input.usage is None else dict(_usage(input.usage)),
            model=None if input.model is None else validation.short("model", input.model, validation.NAME),
            finish_reason=input.finish_reason,
        ),
    )
    return FinishRunPayload(run=Run.of(held.run), message=Message.of(held.message))


async def take_over(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The run's id.")],
    client_mutation_id: Key = None,
) -> TakeOverRunResult:
    """Takes a run from its producer."""
    held = await producers.take_over(once(info, "takeOverRun", client_mutation_id, id), identifier.parse("id", id))
    return HeldRunPayload(run=Run.of(held.run), message=Message.of(held.message))


def said(event: RunEventInput) -> Said:
    """What an event adds to a draft."""
    value = next(given.value for given in vars(event).values() if given is not None)
    match value:
        case ToolCallInput(id=id, name=name, arguments=arguments):
            return lambda draft: draft.call(id, name, arguments)
        case ToolArgumentsInput(id=id, text=text):
            return lambda draft: draft.arguments(id, text)
        case ToolResultInput(call_id=call_id, content=content, is_error=is_error):
            return lambda draft: draft.result(call_id, content, is_error=is_error)
        case FileInput(url=url, media_type=media_type, name=name):
            return lambda draft: draft.put({"kind": "file", "url": url, "mediaType": media_type, "name": name})
        case DataInput(name=name, value=data):
            return lambda draft: draft.put({"kind": "data", "name": name, "value": data})
        case str() if event.text is not None:
            return lambda draft: draft.text(value)
        case _:
            return lambda draft: draft.reasoning(value)


def _usage(input: UsageInput) -> Iterator[tuple[str, int]]:
    for name, count in asdict(input).items():
        if count is not None:
            field = to_camel_case(name)
            if count < 0:
                raise InvalidInput(
                    f"usage.{field}", "It is a number of tokens, 0 or more. Leave out what is not known."
                )
            yield field, count
