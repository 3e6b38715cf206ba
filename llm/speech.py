"""What a reply says, whatever the dialect that it comes in, as events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    DataGiven,
    Event,
    FileGiven,
    Finished,
    FinishReason,
    PartBreak,
    ReasoningDelta,
    ReasoningInstead,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultGiven,
    Usage,
)

BROKEN_OFF = "The model provider ended the connection before the reply was complete. Try again."

LARGEST_FILE = 1_000_000
"""Characters of the address of a file; one with its content in it may have more."""
LARGEST_DATA = 10_000
"""Bytes of what is not understood, and shown all the same."""

_REASONS = {
    FinishReason.STOP: ("stop", "end_turn", "stop_sequence", "eos", "eos_token", "completed", "complete", "finished"),
    FinishReason.LENGTH: ("length", "max_tokens", "model_length", "max_output_tokens", "model_context_window_exceeded"),
    FinishReason.CONTENT_FILTER: (
        *("content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content", "spii"),
        *("sensitive", "guardrail_intervened", "image_safety"),
    ),
    FinishReason.REFUSED: ("refusal", "refused"),
    FinishReason.PAUSED: ("pause_turn",),
    FinishReason.TOOL_CALLS: ("tool_calls", "tool_call", "tool_use", "function_call"),
}
_KNOWN = {word: reason for reason, words in _REASONS.items() for word in words}
_FAILED = {
    *("error", "abort", "aborted", "cancelled", "canceled", "network_error", "insufficient_system_resource"),
    *("server_error", "internal_error", "timeout", "overloaded", "malformed_function_call", "failed", "unknown_error"),
}
"""The words of providers whose reply is no whole one, and whose fault that is."""


@dataclass(slots=True)
class _Call:
    id: str
    arguments: str = ""

    @property
    def is_whole(self) -> bool:
        try:
            orjson.loads(self.arguments)
        except orjson.JSONDecodeError:
            return False
        return True


class Speech:
    """Keeps the parts of one reply apart. A part's `key` is whatever its dialect knows it by."""

    __slots__ = ("_calls", "_ids", "_last", "refusal", "says", "thinks")

    def __init__(self) -> None:
        self.says = False
        """Whether there is anything besides reasoning."""
        self.thinks = False
        self.refusal = ""
        """The words of a refusal that the provider tells as one."""
        self._last: tuple[type[Event], object] | None = None
        self._calls: dict[object, _Call] = {}
        self._ids: set[str] = set()

    def text(self, text: str, key: object = None) -> Iterator[Event]:
        """More text of a part."""
        if text:
            self.says = True
            yield from self._delta(TextDelta(text), key)

    def reasoning(self, text: str, key: object = None) -> Iterator[Event]:
        """More of the model's thoughts."""
        if text:
            self.thinks = True
            yield from self._delta(ReasoningDelta(text), key)

    def event(self, event: Event) -> Iterator[Event]:
        """Text or reasoning that was told apart elsewhere, or something whole."""
        match event:
            case TextDelta(text):
                yield from self.text(text)
            case ReasoningDelta(text):
                yield from self.reasoning(text)
            case ReasoningInstead():
                self.says, self.thinks, self._last = False, True, None
                yield event
            case _:
                yield from self._other(event)

    def call(self, key: object, id: str, name: str) -> Iterator[Event]:
        """A tool call begins; an earlier one under this key is written then, and so is every one that is whole."""
        for earlier in [earlier for earlier, call in self._calls.items() if earlier == key or call.is_whole]:
            yield from self.finish_call(earlier)
        self._calls[key] = _Call(id)
        self._ids.add(id)
        yield from self._other(ToolCallStarted(id, name))

    def calls(self, key: object) -> str | None:
        """The id of the call that is being written under this key."""
        call = self._calls.get(key)
        return None if call is None else call.id

    def arguments(self, key: object, arguments: object) -> Iterator[Event]:
        """More of a call's arguments: text, or an object that is all of them."""
        call = self._calls[key]
        text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        if text and (isinstance(arguments, str) or not call.arguments):
            call.arguments += text
            yield from self._other(ToolCallDelta(call.id, text))

    def finish_call(self, key: object) -> Iterator[Event]:
        """The call under this key is written, if there is one."""
        if (call := self._calls.pop(key, None)) is not None:
            yield from self._other(ToolCallFinished(call.id, call.arguments or "{}"))

    def result(self, call_id: str, name: str, content: str, *, is_error: bool) -> Iterator[Event]:
        """What a tool gave that the provider ran; where the call itself was not told, it is shown as well."""
        for key in [key for key, call in self._calls.items() if call.id == call_id]:
            yield from self.finish_call(key)
        if call_id not in self._ids:
            yield from self.call(("result", call_id), call_id, name)
            yield from self.finish_call(("result", call_id))
        yield from self._other(ToolResultGiven(call_id, name, content, is_error))

    def file(self, url: str, media_type: str, name: str) -> Iterator[Event]:
        """A file that the model made."""
        if len(url) > LARGEST_FILE:
            yield from self.unread(name, {"mediaType": media_type, "bytes": len(url)})
        else:
            yield from self._other(FileGiven(url, media_type, name))

    def unread(self, kind: str, value: Mapping[str, object]) -> Iterator[Event]:
        """Something that cannot be shown, and must not vanish."""
        small = len(orjson.dumps(value)) <= LARGEST_DATA
        yield from self._other(DataGiven(kind, value if small else {"type": kind}))

    def finish(self, word: str | None, usage: Usage, *, ref: str | None, model: str | None) -> Iterator[Event]:
        """The end, for the reason that the provider gives in its own word.

        Raises:
            ModelError: the provider failed, refused, or said nothing at all.
        """
        for key in list(self._calls):
            yield from self.finish_call(key)
        if word is None:
            raise ModelError(BROKEN_OFF, ModelErrorCode.PROVIDER_FAILED)
        plain = word.lower()
        if plain in _FAILED:
            raise ModelError(
                f"The model provider broke its reply off ('{plain}'). Try again.", ModelErrorCode.PROVIDER_FAILED
            )
        reason = _KNOWN.get(plain, FinishReason.OTHER)
        if self.refusal:
            raise ModelError(f"The model refused to answer: {self.refusal}", ModelErrorCode.REFUSED)
        if not self.says:
            self._refuse_silence(reason)
        yield Finished(usage, reason, ref, word, model)

    def _refuse_silence(self, reason: FinishReason) -> None:
        """Refuses an empty reply; one of reasoning alone is shown as it is, unless it was simply over."""
        match reason:
            case FinishReason.CONTENT_FILTER:
                raise ModelError("The model provider's content rules forbid an answer.", ModelErrorCode.REFUSED)
            case FinishReason.REFUSED:
                raise ModelError("The model refused to answer.", ModelErrorCode.REFUSED)
            case FinishReason.LENGTH if not self.thinks:
                raise ModelError(
                    "The model may not say anything with its limit of tokens. Raise the agent's 'max_tokens', or "
                    "shorten the conversation.",
                    ModelErrorCode.BAD_REQUEST,
                )
            case _ if not self.thinks:
                raise ModelError("The model gave an empty reply. Try again.", ModelErrorCode.PROVIDER_FAILED)

    def _delta(self, event: TextDelta | ReasoningDelta, key: object) -> Iterator[Event]:
        kind = type(event)
        if self._last is not None and self._last[0] is kind and self._last[1] != key:
            yield PartBreak()
        self._last = kind, key
        yield event

    def _other(self, event: Event) -> Iterator[Event]:
        self._last = None
        self.says = True
        yield event
