"""What pydantic-ai streams, as events."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic_ai.messages import (
    BaseToolCallPart,
    ModelResponsePart,
    ModelResponseStreamEvent,
    NativeToolReturnPart,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
    ToolCallPartDelta,
)
from pydantic_ai.models import StreamedResponse
from pydantic_ai.usage import RequestUsage

from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    Event,
    Finished,
    PartBreak,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultGiven,
    Usage,
)


async def events(response: StreamedResponse) -> AsyncGenerator[Event]:
    """Each event as soon as the provider's chunk is there, `Finished` last.

    Raises:
        ModelError: `PROVIDER_FAILED`, the stream ended before the reply did; `REFUSED`, there is no reply because
            the provider's rules on content forbid one.
    """
    reply = _Reply()
    async for event in response:
        for told in reply.tell(event):
            yield told
    for told in reply.finish_calls():
        yield told
    yield _finished(response, silent=reply.silent)


@dataclass(slots=True)
class _Call:
    id: str
    arguments: str = ""

    def is_whole(self) -> bool:
        try:
            json.loads(self.arguments)
        except ValueError:
            return False
        return True


@dataclass(slots=True)
class _Reply:
    """What was told so far."""

    silent: bool = True
    _last: tuple[type[Event], int] | None = None
    _calls: dict[int, _Call] = field(default_factory=dict)

    def tell(self, event: ModelResponseStreamEvent) -> Iterator[Event]:
        match event:
            case PartStartEvent(index=index, part=part):
                yield from self._start(index, part)
            case PartDeltaEvent(index=index, delta=TextPartDelta(content_delta=text)):
                yield from self._delta(index, TextDelta(text))
            case PartDeltaEvent(index=index, delta=ThinkingPartDelta(content_delta=str(text))):
                yield from self._delta(index, ReasoningDelta(text))
            case PartDeltaEvent(index=index, delta=ToolCallPartDelta(args_delta=arguments)) if index in self._calls:
                yield from self._arguments(self._calls[index], arguments)
            case PartEndEvent(index=index) if index in self._calls and self._calls[index].is_whole():
                # Calls may be written side by side: one that is not whole yet can still go on.
                yield self._finish_call(index)

    def finish_calls(self) -> Iterator[Event]:
        for index in list(self._calls):
            yield self._finish_call(index)

    def _start(self, index: int, part: ModelResponsePart) -> Iterator[Event]:
        match part:
            case TextPart(content=text):
                yield from self._delta(index, TextDelta(text))
            case ThinkingPart(content=text):
                yield from self._delta(index, ReasoningDelta(text))
            case BaseToolCallPart():
                call = self._calls[index] = _Call(part.tool_call_id)
                yield self._other(ToolCallStarted(call.id, part.tool_name))
                yield from self._arguments(call, part.args)
            case NativeToolReturnPart():
                failed = part.outcome != "success"
                yield self._other(
                    ToolResultGiven(part.tool_call_id, part.tool_name, part.model_response_str(), is_error=failed)
                )

    def _delta(self, index: int, event: TextDelta | ReasoningDelta) -> Iterator[Event]:
        if not event.text:
            return
        if self._last is not None and self._last[0] is type(event) and self._last[1] != index:
            yield PartBreak()
        self._last = type(event), index
        self.silent = False
        yield event

    def _arguments(self, call: _Call, arguments: str | Mapping[str, object] | None) -> Iterator[Event]:
        text = json.dumps(arguments) if isinstance(arguments, Mapping) else arguments
        if text:
            call.arguments += text
            yield self._other(ToolCallDelta(call.id, text))

    def _finish_call(self, index: int) -> Event:
        call = self._calls.pop(index)
        return self._other(ToolCallFinished(call.id, call.arguments or "{}"))

    def _other(self, event: Event) -> Event:
        self._last = None
        self.silent = False
        return event


def _finished(response: StreamedResponse, *, silent: bool) -> Finished:
    details = response.provider_details or {}
    reason = response.finish_reason or details.get("finish_reason")
    if reason is None:
        raise ModelError(
            "The model provider ended the connection before the reply was complete. Try again.",
            ModelErrorCode.PROVIDER_FAILED,
        )
    if reason == "content_filter" and silent:
        said = details.get("refusal")
        raise ModelError(
            f"The model refused to answer: {said}" if said else "The model provider's content rules forbid an answer.",
            ModelErrorCode.REFUSED,
        )
    return Finished(_usage(response.usage), str(reason), response.provider_response_id)


def _usage(usage: RequestUsage) -> Usage:
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.details.get("reasoning_tokens"),
        cached_input_tokens=usage.cache_read_tokens or None,
    )
