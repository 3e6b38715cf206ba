"""What apps with their own agent send and get: they produce runs through the API."""

from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from chat.conversation.reply_requests import WhenBusy
from db import models
from schema import choice
from schema.input import ID_NOTE
from schema.message import Message
from schema.refusal import (
    Busy,
    Fenced,
    IdTaken,
    InvalidInput,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    RunClosed,
    SequenceGap,
)
from schema.run import Run


@strawberry.input(description="A reply that your app is going to write.")
class StartRunInput:
    """For `startRun`."""

    message_id: strawberry.ID = strawberry.field(description="The message to reply to.")
    id: strawberry.ID | None = strawberry.field(default=None, description=ID_NOTE)
    agent_id: strawberry.ID | None = strawberry.field(default=None, description="The agent that is answering.")
    when_busy: WhenBusy = strawberry.field(
        default=WhenBusy.REJECT, description="What to do while another reply is being written."
    )


@strawberry.input(description="A tool call. Its arguments may come whole, or be appended to with `toolArguments`.")
class ToolCallInput:
    """An event of a producer."""

    id: strawberry.ID = strawberry.field(description="The provider's id of the call.")
    name: str = strawberry.field(description="The tool's name.")
    arguments: str = strawberry.field(default="", description="The arguments as JSON text.")


@strawberry.input(description="More of the arguments of a tool call.")
class ToolArgumentsInput:
    """An event of a producer."""

    id: strawberry.ID = strawberry.field(description="The id of the call.")
    text: str = strawberry.field(description="The text to append.")


@strawberry.input(description="What a tool gave for a call.")
class ToolResultInput:
    """An event of a producer."""

    call_id: strawberry.ID = strawberry.field(description="The id of the call.")
    content: str = strawberry.field(description="The result as text.")
    is_error: bool = strawberry.field(default=False, description="Whether the tool failed.")


@strawberry.input(description="A file.")
class FileInput:
    """An event of a producer."""

    url: str = strawberry.field(description="Where the file is: an `http(s):` or `data:` address.")
    media_type: str = strawberry.field(description="Its media type, such as `image/png`.")
    name: str = strawberry.field(description="Its name.")


@strawberry.input(description="Data for the app's own use, such as an activity or a panel.")
class DataInput:
    """An event of a producer."""

    name: str = strawberry.field(description="What kind of data it is.")
    value: JSON = strawberry.field(description="The data.")


@strawberry.input(one_of=True, description="One event of a reply. Give exactly one field.")
class RunEventInput:
    """For `appendToRun`."""

    text: strawberry.Maybe[str] = strawberry.field(description="More text of the reply.")
    reasoning: strawberry.Maybe[str] = strawberry.field(description="More of the model's thoughts.")
    tool_call: strawberry.Maybe[ToolCallInput] = strawberry.field(description="A tool call begins.")
    tool_arguments: strawberry.Maybe[ToolArgumentsInput] = strawberry.field(description="A tool call goes on.")
    tool_result: strawberry.Maybe[ToolResultInput] = strawberry.field(description="A tool has answered.")
    file: strawberry.Maybe[FileInput] = strawberry.field(description="A file.")
    data: strawberry.Maybe[DataInput] = strawberry.field(description="Data.")


@strawberry.input(description="Events of a run that you hold.")
class AppendToRunInput:
    """For `appendToRun`."""

    id: strawberry.ID = strawberry.field(description="The run.")
    epoch: int = strawberry.field(description="The epoch in which you hold it.")
    from_seq: int = strawberry.field(
        description="The number of the first event; the epoch's first is 1. Events that are stored already are passed "
        "over, so when in doubt, send again."
    )
    events: list[RunEventInput] = strawberry.field(
        description="The events in order, at most 1,000. None at all is a sign of life."
    )


@strawberry.input(description="A question to a person, such as whether a tool may be called.")
class AwaitInputInput:
    """For `awaitInput`."""

    id: strawberry.ID = strawberry.field(description="The run.")
    epoch: int = strawberry.field(description="The epoch in which you hold it.")
    text: str = strawberry.field(description="What to ask; at most 2,000 characters.")
    data: JSON | None = strawberry.field(default=None, description="A JSON object for the app's own use.")


class RunEnd(StrEnum):
    """The ends that a producer may choose."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


choice.describe(
    RunEnd,
    "How a producer ends a run.",
    COMPLETED="The reply is whole.",
    FAILED="It could not go on; `failure` says why.",
    CANCELLED="Somebody wanted it to stop.",
)


@strawberry.input(description="Why a run failed.")
class FailureInput:
    """For `finishRun`."""

    code: str = strawberry.field(description="What kind of failure it was.")
    reason: str = strawberry.field(description="A sentence for the person.")


@strawberry.input(description="What a run cost.")
class UsageInput:
    """For `finishRun`."""

    input_tokens: int | None = strawberry.field(default=None, description="Tokens that the model read.")
    output_tokens: int | None = strawberry.field(default=None, description="Tokens that the model wrote.")
    reasoning_tokens: int | None = strawberry.field(default=None, description="Tokens of reasoning among them.")
    cached_input_tokens: int | None = strawberry.field(default=None, description="Tokens that were cached.")


@strawberry.input(description="The end of a run that you hold.")
class FinishRunInput:
    """For `finishRun`."""

    id: strawberry.ID = strawberry.field(description="The run.")
    epoch: int = strawberry.field(description="The epoch in which you hold it.")
    last_seq: int = strawberry.field(description="The number of your last event, 0 if there was none.")
    end: RunEnd = strawberry.field(default=RunEnd.COMPLETED, description="How it ended.")
    failure: FailureInput | None = strawberry.field(default=None, description="Why it failed, if it did.")
    usage: UsageInput | None = strawberry.field(default=None, description="What it cost.")
    model: str | None = strawberry.field(default=None, description="The model that answered; at most 255 characters.")
    finish_reason: models.FinishReason | None = strawberry.field(default=None, description="Why the model stopped.")


@strawberry.type(description="The run is yours: append to it in its epoch, from number 1.")
class HeldRunPayload:
    """Of `startRun` and `takeOverRun`."""

    run: Run = strawberry.field(description="The run.")
    message: Message = strawberry.field(description="The message it writes, as far as it is.")


@strawberry.type(description="The events are on disk.")
class AppendToRunPayload:
    """Of `appendToRun`."""

    last_seq: int = strawberry.field(description="The number of the last event that is stored.")
    run: Run = strawberry.field(
        description="The run. If `cancelRequested`, finish it as `CANCELLED`. Append again before `leaseUntil`."
    )


@strawberry.type(description="The run is over.")
class FinishRunPayload:
    """Of `finishRun`."""

    run: Run = strawberry.field(description="The run.")
    message: Message = strawberry.field(description="The message, whole.")


@strawberry.type(description="The run waits for a person, for as long as that takes.")
class AwaitInputPayload:
    """Of `awaitInput`."""

    run: Run = strawberry.field(description="The run, with its `question`.")


StartRunResult = Annotated[
    HeldRunPayload | NotFound | NotAllowed | InvalidInput | QuotaExceeded | Busy | IdTaken,
    strawberry.union("StartRunResult", description="The run, or why there is none."),
]
AppendToRunResult = Annotated[
    AppendToRunPayload | NotFound | NotAllowed | InvalidInput | Fenced | RunClosed | SequenceGap,
    strawberry.union("AppendToRunResult", description="What is stored, or why nothing was appended."),
]
AwaitInputResult = Annotated[
    AwaitInputPayload | NotFound | NotAllowed | InvalidInput | Fenced | RunClosed,
    strawberry.union("AwaitInputResult", description="The run, or why it does not wait."),
]
FinishRunResult = Annotated[
    FinishRunPayload | NotFound | NotAllowed | InvalidInput | Fenced | RunClosed | SequenceGap,
    strawberry.union("FinishRunResult", description="The run, or why it did not end so."),
]
TakeOverRunResult = Annotated[
    HeldRunPayload | NotFound | NotAllowed | InvalidInput | RunClosed,
    strawberry.union("TakeOverRunResult", description="The run, or why it is not yours."),
]
