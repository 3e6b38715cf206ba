"""What comes out of a model, in order, as it arrives.

A stream is any number of parts, then one `Finished`; `Progress` may come before them. A part of text or reasoning is a
run of deltas: it ends where another kind of event follows, or at a `PartBreak`. Tool calls are told apart by their id,
because a model may write several at once. What ends without `Finished` is not complete: the stream raises a
`ModelError`, or was closed.
"""

from dataclasses import dataclass, field
from enum import StrEnum

type Event = (
    TextDelta
    | ReasoningDelta
    | PartBreak
    | ToolCallStarted
    | ToolCallDelta
    | ToolCallFinished
    | ToolResultGiven
    | FileGiven
    | DataGiven
    | ReasoningInstead
    | Progress
    | Finished
)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the reply; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of the model's reasoning; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class PartBreak:
    """The next delta starts a new part, though it is of the same kind as the last one."""


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The model begins to write a call of the tool `name`."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More text of the call's arguments; never empty, and not valid JSON by itself."""

    id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCallFinished:
    """The call is written. `arguments` is all of its text: a JSON object, unless the model was cut off by a limit."""

    id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResultGiven:
    """The provider ran the tool itself, and this is the result of `call_id`."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class FileGiven:
    """The model made a file: an `http(s):` or base64 `data:` URL, with its media type."""

    url: str
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class DataGiven:
    """Something that is neither text nor a file, as JSON; `name` says what it is."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class ReasoningInstead:
    """The part of text that is being written turns out to be reasoning: this, in place of all that it said."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The model has read so many tokens of what it was told, and says nothing yet."""

    read: int
    total: int


class FinishReason(StrEnum):
    """Why a model stopped writing."""

    STOP = "stop"
    """It had said everything."""
    LENGTH = "length"
    """A limit of tokens cut it off."""
    CONTENT_FILTER = "content_filter"
    """The provider's rules on content cut it off."""
    REFUSED = "refused"
    """The model did not want to go on."""
    PAUSED = "paused"
    """The provider paused a long turn; asking again goes on with it."""
    TOOL_CALLS = "tool_calls"
    """It waits for the results of tools."""
    OTHER = "other"
    """Something else; the provider's word says what."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the provider counted them; each is `None` where it did not tell.

    `input_tokens` includes the cached ones and `output_tokens` the reasoning.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is complete; the last event of a stream."""

    usage: Usage
    finish_reason: FinishReason = FinishReason.STOP
    provider_ref: str | None = None
    """The provider's name for this reply, to ask its support about."""
    word: str | None = field(default=None, compare=False)
    """The provider's own word for the reason."""
    model: str | None = field(default=None, compare=False)
    """The model that answered, as the provider names it: often a dated version of the one that was asked."""
    provider: str | None = field(default=None, compare=False)
    """The name here of the provider that answered."""
