"""A reply while a model writes it: the model's events in, journal events out."""

from collections.abc import Iterator

from chat import parts
from chat.limits import storable
from chat.parts import JournalEvent
from db.models import Json
from llm import events as model

HIGH_SURROGATES = range(0xD800, 0xDC00)


class Draft:
    """Tracks which part is being written and how long it is."""

    def __init__(self, parts_so_far: list[Json] | None = None) -> None:
        so_far = parts_so_far or []
        self._count = len(so_far)
        self._lengths: dict[int, int] = {}
        self._kind: str | None = None  # of the open text or reasoning part
        self._held = ""  # half of a surrogate pair whose other half has not come yet
        self._calls: dict[str, int] = {}  # call id -> its part

    def take(self, event: model.Event) -> Iterator[JournalEvent]:
        """The journal events that an event of the model makes. `Finished` makes none."""
        match event:
            case model.TextDelta(text):
                yield from self._write("text", text)
            case model.ReasoningDelta(text):
                yield from self._write("reasoning", text)
            case model.PartBreak():
                self._kind = None
            case model.ToolCallStarted(id, name):
                self._calls[id] = self._count
                yield self._open({"kind": "toolCall", "id": id, "name": name, "text": ""})
            case model.ToolCallDelta(id, arguments):
                yield self._append(self._calls[id], arguments)
            case model.ToolCallFinished(id, arguments) if self._lengths[self._calls[id]] == 0 and arguments:
                yield self._append(self._calls[id], arguments)
            case model.ToolResultGiven(call_id, name, content, is_error):
                yield self._open(
                    {"kind": "toolResult", "callId": call_id, "name": name, "text": content, "isError": is_error}
                )
            case _:
                pass

    def _write(self, kind: str, text: str) -> Iterator[JournalEvent]:
        text = self._whole(text)
        if not text:
            return
        if self._kind != kind:
            yield self._open({"kind": kind, "text": ""})
            self._kind = kind
        yield self._append(self._count - 1, text)

    def _whole(self, text: str) -> str:
        """The text without a half surrogate pair at its end, which is kept for the next call."""
        text = self._held + text
        self._held = ""
        if text and ord(text[-1]) in HIGH_SURROGATES:
            self._held, text = text[-1], text[:-1]
        return storable(text)

    def _open(self, part: Json) -> JournalEvent:
        index = self._count
        self._count += 1
        self._lengths[index] = 0
        self._kind = None
        return ("p", index, part)

    def _append(self, index: int, text: str) -> JournalEvent:
        offset = self._lengths[index]
        self._lengths[index] = offset + parts.length(text)
        return ("a", index, offset, text)
