"""What comes out of a model, in order, as it arrives.

A stream is any number of parts, then one `Finished`. A part of text or reasoning is a run of deltas: it ends where
another kind of event follows, or at a `PartBreak`. Tool calls are told apart by their id, because a model may write
several at once. What ends without `Finished` is not complete: the stream raises a `ModelError`, or was closed.
"""

from dataclasses import dataclass

type Event = (
    TextDelta
    | ReasoningDelta
    | PartBreak
    | ToolCallStarted
    | ToolCallDelta
    | ToolCallFinished
    | ToolResultGiven
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
class Usage:
    """Tokens, as the provider counted them; 0 where it did not tell.

    `input_tokens` includes the cached ones and `output_tokens` the reasoning; each is `None` where not told.
    """

    input_tokens: int
    output_tokens: int
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is complete; the last event of a stream.

    `finish_reason` is `stop`, `length` (a limit of tokens), `tool_call`, `content_filter`, or the provider's own
    word for something else. `provider_ref` is the provider's name for this reply, to ask its support about.
    """

    usage: Usage
    finish_reason: str | None = None
    provider_ref: str | None = None
