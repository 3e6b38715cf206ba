"""The events of Anthropic's messages as ours: https://docs.anthropic.com/en/docs/build-with-claude/streaming."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from llm.events import Event, Usage
from llm.speech import Speech

_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


class Message:
    """One reply. `take` each event, then `finish`."""

    __slots__ = ("_cached", "_input", "_model", "_names", "_output", "_ref", "_speech", "_stopped", "_word")

    def __init__(self) -> None:
        self._speech = Speech()
        self._names: dict[str, str] = {}  # of the tools that the provider runs, by the ids of their calls
        self._word: str | None = None
        self._stopped = False
        self._ref: str | None = None
        self._model: str | None = None
        self._input: int | None = None
        self._cached: int | None = None
        self._output: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether the reason of its end is known."""
        return self._word is not None

    @property
    def is_whole(self) -> bool:
        """Whether nothing can follow."""
        return self._stopped

    def take(self, event: Mapping[str, Any]) -> Iterator[Event]:
        """What an event adds."""
        match event.get("type"):
            case "message_start" if isinstance(message := event.get("message"), dict):
                self._begin(message)
            case "content_block_start" if isinstance(block := event.get("content_block"), dict):
                yield from self._block(event.get("index"), block)
            case "content_block_delta" if isinstance(delta := event.get("delta"), dict):
                yield from self._delta(event.get("index"), delta)
            case "content_block_stop":
                yield from self._speech.finish_call(event.get("index"))
            case "message_delta":
                delta = event.get("delta")
                self._end(delta if isinstance(delta, dict) else {})
                self._count(event.get("usage"))
            case "message_stop":
                self._stopped = True
            case "message":  # the whole of it, where streaming was asked for
                self._begin(event)
                for index, block in enumerate(event.get("content") or ()):
                    if isinstance(block, dict):
                        yield from self._block(index, block)
                        yield from self._speech.finish_call(index)
                self._end(event)
                self._stopped = True

    def finish(self) -> Iterator[Event]:
        """The last events.

        Raises:
            ModelError: the reply is not complete, or none.
        """
        usage = Usage(self._input, self._output, None, self._cached)
        yield from self._speech.finish(self._word, usage, ref=self._ref, model=self._model)

    def _begin(self, message: Mapping[str, Any]) -> None:
        self._ref = _text(message.get("id")) or self._ref
        self._model = _text(message.get("model")) or self._model
        self._count(message.get("usage"))

    def _end(self, delta: Mapping[str, Any]) -> None:
        self._word = _text(delta.get("stop_reason")) or self._word

    def _count(self, usage: object) -> None:
        """Counts are of the whole reply, so the last one of each counts; input is told without what was cached."""
        if not isinstance(usage, dict):
            return
        cached = [usage.get(name) for name in ("cache_read_input_tokens", "cache_creation_input_tokens")]
        if isinstance(told := usage.get("input_tokens"), int):
            self._input = told + sum(count for count in cached if isinstance(count, int))
        if isinstance(cached[0], int):
            self._cached = cached[0] or None
        if isinstance(told := usage.get("output_tokens"), int):
            self._output = told

    def _block(self, index: object, block: Mapping[str, Any]) -> Iterator[Event]:
        match block.get("type"):
            case "text":
                yield from self._speech.text(_text(block.get("text")) or "", index)
            case "thinking":
                yield from self._speech.reasoning(_text(block.get("thinking")) or "", index)
            case "redacted_thinking":
                return  # encrypted: there is nothing to show
            case kind if kind in _CALLS:
                id_, name = _text(block.get("id")) or f"call_{index}", _text(block.get("name")) or "tool"
                self._names[id_] = name
                yield from self._speech.call(index, id_, name)
                if block.get("input"):
                    yield from self._speech.arguments(index, block["input"])
            case str() as kind if kind.endswith("_tool_result"):
                yield from self._result(kind, block)
            case kind:
                yield from self._speech.unread(str(kind), block)

    def _result(self, kind: str, block: Mapping[str, Any]) -> Iterator[Event]:
        content = block.get("content")
        failed = isinstance(content, dict) and str(content.get("type")).endswith("_error")
        call_id = _text(block.get("tool_use_id")) or "call"
        text = content if isinstance(content, str) else orjson.dumps(content).decode()
        name = self._names.get(call_id) or kind.removesuffix("_tool_result")
        yield from self._speech.result(call_id, name, text, is_error=failed or block.get("is_error") is True)

    def _delta(self, index: object, delta: Mapping[str, Any]) -> Iterator[Event]:
        match delta.get("type"):
            case "text_delta":
                yield from self._speech.text(_text(delta.get("text")) or "", index)
            case "thinking_delta":
                yield from self._speech.reasoning(_text(delta.get("thinking")) or "", index)
            case "input_json_delta" if self._speech.calls(index) is not None:
                yield from self._speech.arguments(index, _text(delta.get("partial_json")) or "")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
