"""The chunks of OpenAI's chat completions, and of all who speak like it, as events.

https://platform.openai.com/docs/api-reference/chat-streaming is the dialect; what servers do beyond it is taken as it
is meant: a chunk may lack its delta or tell a whole message, calls may share a number, and usage may come anywhere.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from llm.events import Event, Progress, Usage
from llm.speech import Speech
from llm.thinking import Thoughts

DONE = b"[DONE]"
"""The data of an event that ends the stream."""


class ChatCompletion:
    """One reply. `take` each chunk, then `finish`."""

    __slots__ = ("_calls", "_model", "_ref", "_speech", "_text", "_thoughts", "_usage", "_word")

    def __init__(self) -> None:
        self._speech = Speech()
        self._thoughts = Thoughts()
        self._text = 0  # characters of text so far
        self._calls = 0
        self._word: str | None = None
        self._usage = Usage()
        self._ref: str | None = None
        self._model: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the reason of its end is known. Usage may follow."""
        return self._word is not None

    @property
    def is_whole(self) -> bool:
        """Whether nothing can follow that would be missed."""
        return self._word is not None and self._usage.output_tokens is not None

    def take(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        """What a chunk adds."""
        self._ref = _text(chunk.get("id")) or self._ref
        self._model = _text(chunk.get("model")) or self._model
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = _usage(usage, self._usage)
        if isinstance(progress := chunk.get("prompt_progress"), dict):  # llama.cpp, where it is asked to
            read, total = _count(progress.get("processed"), None), _count(progress.get("total"), None)
            if read is not None and total is not None:
                yield Progress(read, total)
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                yield from self._choose(choice)

    def finish(self) -> Iterator[Event]:
        """The last events.

        Raises:
            ModelError: the reply is not complete, or none.
        """
        yield from self._read(self._thoughts.end())
        yield from self._speech.finish(self._word, self._usage, ref=self._ref, model=self._model)

    def _choose(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, dict):
            yield from self._delta(delta)
        if isinstance(message, dict):
            yield from self._delta(self._rest(message))
        if isinstance(choice.get("usage"), dict):
            self._usage = _usage(choice["usage"], self._usage)
        if word := _text(choice.get("finish_reason")):
            self._word = word

    def _rest(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a whole message has beyond what was told; some servers end a stream with one."""
        if not (self._text or self._speech.says or self._speech.thinks):
            return message
        content = message.get("content")
        rest = content[self._text :] if isinstance(content, str) else ""
        return {"content": rest}

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        content = delta.get("content")
        if isinstance(content, str) and len(delta) <= 2 and not delta.keys() - {"content", "role"}:
            yield from self._say(content)
            return
        yield from self._reason(_reasoning(delta))
        if isinstance(content, str):
            yield from self._say(content)
        elif isinstance(content, list):
            for part in content:
                yield from self._part(part)
        if refusal := _text(delta.get("refusal")):
            self._speech.refusal += refusal
        for number, call in enumerate(delta.get("tool_calls") or ()):
            if isinstance(call, dict):
                yield from self._call(call, number)
        if isinstance(call := delta.get("function_call"), dict):  # the dialect's first form of a call
            yield from self._call({"function": call, "index": 0}, 0)
        for image in delta.get("images") or ():
            yield from self._image(image)
        if isinstance(audio := delta.get("audio"), dict):
            yield from self._say(_text(audio.get("transcript")) or "")
            if audio.get("data"):
                yield from self._unread("audio", {"format": audio.get("format"), "shown": False})

    def _say(self, text: str) -> Iterator[Event]:
        self._text += len(text)
        if text:
            yield from self._read(self._thoughts.tell(text))

    def _read(self, told: Iterator[Event]) -> Iterator[Event]:
        for event in told:
            yield from self._speech.event(event)

    def _interrupt(self) -> Iterator[Event]:
        """What of the text comes before something else."""
        return self._read(self._thoughts.interrupt())

    def _reason(self, text: str) -> Iterator[Event]:
        if text:
            yield from self._interrupt()
            yield from self._speech.reasoning(text)

    def _unread(self, kind: str, value: Mapping[str, object]) -> Iterator[Event]:
        yield from self._interrupt()
        yield from self._speech.unread(kind, value)

    def _part(self, part: object) -> Iterator[Event]:
        """An item of content that is a list."""
        if isinstance(part, str):
            yield from self._say(part)
        elif isinstance(part, dict):
            match part.get("type"):
                case "text" | "output_text":
                    yield from self._say(_text(part.get("text")) or "")
                case "thinking" | "reasoning":
                    yield from self._reason(_joined(part.get("thinking") or part.get("text")))
                case "refusal":
                    self._speech.refusal += _text(part.get("refusal")) or ""
                case "image_url":
                    yield from self._image(part)
                case kind:
                    yield from self._unread(str(kind), part)

    def _image(self, image: object) -> Iterator[Event]:
        place = image.get("image_url", image) if isinstance(image, dict) else image
        url = place.get("url") if isinstance(place, dict) else place
        if isinstance(url, str) and url.startswith(("data:image/", "https://", "http://")):
            kind = url[5:].partition(";")[0] if url.startswith("data:") else "image/*"
            yield from self._interrupt()
            yield from self._speech.file(url, kind, "image")
        else:
            yield from self._unread("image", {"shown": False})

    def _call(self, call: Mapping[str, Any], number: int) -> Iterator[Event]:
        """More of a tool call. Calls are told apart by id as well: some servers give all of them the same number."""
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        index = call.get("index")
        key = index if isinstance(index, int) else ("unnumbered", number)
        id_, name = _text(call.get("id")), _text(function.get("name"))
        known = self._speech.calls(key)
        if known is None or (id_ is not None and id_ != known):
            if id_ is None and name is None:
                return  # nothing of it can be told apart from noise
            self._calls += 1
            yield from self._interrupt()
            yield from self._speech.call(key, id_ or f"call_{self._calls}", name or "tool")
        if (arguments := function.get("arguments")) not in (None, ""):
            yield from self._interrupt()
            yield from self._speech.arguments(key, arguments)


def _usage(told: Mapping[str, Any], before: Usage) -> Usage:
    """What was counted last. Usage is of the whole reply, also where it comes with every chunk."""
    output = told.get("completion_tokens_details")
    cached = told.get("prompt_tokens_details")
    return Usage(
        _count(told.get("prompt_tokens"), before.input_tokens),
        _count(told.get("completion_tokens"), before.output_tokens),
        _count(output.get("reasoning_tokens") if isinstance(output, dict) else None, before.reasoning_tokens),
        _count(cached.get("cached_tokens") if isinstance(cached, dict) else None, before.cached_input_tokens),
    )


def _count(value: object, before: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else before


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _reasoning(delta: Mapping[str, Any]) -> str:
    """The thoughts that are told apart from the text, in whichever words of the dialect."""
    for name in ("reasoning_content", "reasoning", "thinking"):
        if text := _text(delta.get(name)):
            return text
    details = [detail for detail in delta.get("reasoning_details") or () if isinstance(detail, dict)]
    return "".join(_text(detail.get("text")) or _text(detail.get("summary")) or "" for detail in details)


def _joined(value: object) -> str:
    """The text of a list of texts, or of one."""
    if isinstance(value, list):
        return "".join(_joined(each.get("text") if isinstance(each, dict) else each) for each in value)
    return value if isinstance(value, str) else ""
