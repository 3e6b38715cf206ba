"""A reply while it is being written: what its producer says in, journal events out, one for one."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from db.models import Json
from db.texts import storable, storable_json
from llm import events as model
from sync import parts
from sync.parts import JournalEvent

HIGH_SURROGATES = range(0xD800, 0xDC00)


class Draft:
    """Knows the parts so far: which of them is being written, and how long each is."""

    def __init__(self, so_far: Iterable[Json] = ()) -> None:
        self._lengths: list[int] = []
        self._open: str | None = None  # the kind of the last part, if more text of that kind goes into it
        self._halves: dict[int, str] = {}  # of a part: half of a surrogate pair whose other half has not come yet
        self._calls: dict[str, int] = {}  # the part of each tool call
        self._waiting: dict[str, list[str]] = {}  # the tools of the calls without a result, by the calls' id
        for part in so_far:
            self._put(part)

    def take(self, event: model.Event) -> JournalEvent | None:
        """What an event of a model adds; None where that is nothing."""
        match event:
            case model.TextDelta(text):
                return _something(self.text(text))
            case model.ReasoningDelta(text):
                return _something(self.reasoning(text))
            case model.PartBreak():
                self._open = None
                return None
            case model.ToolCallStarted(id, name):
                return self.call(id, name)
            case model.ToolCallDelta(id, text):
                return _something(self.arguments(id, text))
            case model.ToolCallFinished(id, text) if self._lengths[self._calls[storable(id)]] == 0:
                return _something(self.arguments(id, text))
            case model.FileGiven(url, media_type, name):
                return self.put({"kind": "file", "url": url, "mediaType": media_type, "name": name})
            case model.DataGiven(name, value):
                return self.put({"kind": "data", "name": name, "value": value})
            case model.ReasoningInstead(text):
                return self._replace({"kind": "reasoning", "text": text})
            case model.ToolResultGiven(call_id, name, content, is_error):
                return self.result(call_id, content, name=name, is_error=is_error)
            case _:
                return None

    def text(self, text: str) -> JournalEvent:
        """More text of the reply."""
        return self._write("text", text)

    def reasoning(self, text: str) -> JournalEvent:
        """More of the model's thoughts."""
        return self._write("reasoning", text)

    def call(self, id: str, name: str, arguments: str = "") -> JournalEvent:
        """A tool call begins; the rest of its arguments may follow."""
        arguments = self._whole(len(self._lengths), arguments)
        return self._put({"kind": "toolCall", "id": id, "name": name, "text": arguments})

    def arguments(self, id: str, text: str) -> JournalEvent:
        """More of the arguments of a tool call.

        Raises:
            KeyError: there is no such call.
        """
        return self._append(self._calls[storable(id)], text)

    def result(self, call_id: str, content: str, *, name: str | None = None, is_error: bool = False) -> JournalEvent:
        """What a tool gave. Without its name, it is that of the call.

        Raises:
            KeyError: there is no such call without a result, and no name was given.
        """
        return self._put(
            {
                "kind": "toolResult",
                "callId": call_id,
                "name": self._waiting[storable(call_id)][0] if name is None else name,
                "text": content,
                "isError": is_error,
            }
        )

    def put(self, part: Json) -> JournalEvent:
        """A whole part of another kind: a file, or data."""
        return self._put(part)

    def _write(self, kind: str, text: str) -> JournalEvent:
        if self._open == kind:
            return self._append(len(self._lengths) - 1, text)
        return self._put({"kind": kind, "text": self._whole(len(self._lengths), text)})

    def _whole(self, index: int, text: str) -> str:
        """The text without half a surrogate pair at its end, which is kept for the next text of the same part."""
        text = self._halves.pop(index, "") + text
        if text and ord(text[-1]) in HIGH_SURROGATES:
            self._halves[index], text = text[-1], text[:-1]
        return storable(text)

    def _put(self, part: Json) -> JournalEvent:
        part = storable_json(part)
        index = len(self._lengths)
        self._lengths.append(parts.length(part.get("text", "")))
        self._open = part["kind"] if part["kind"] in ("text", "reasoning") else None
        if part["kind"] == "toolCall":
            self._calls[part["id"]] = index
            self._waiting.setdefault(part["id"], []).append(part["name"])
        elif part["kind"] == "toolResult" and (waiting := self._waiting.get(part["callId"])):
            waiting.pop(0)
            if not waiting:
                del self._waiting[part["callId"]]
        return ("p", index, part)

    def _replace(self, part: Json) -> JournalEvent:
        """The part that is being written is another one."""
        index = len(self._lengths) - 1
        self._halves.pop(index, None)
        part = storable_json(part)
        self._lengths[index], self._open = parts.length(part["text"]), None
        return ("p", index, part)

    def _append(self, index: int, text: str) -> JournalEvent:
        text = self._whole(index, text)
        offset = self._lengths[index]
        self._lengths[index] = offset + parts.length(text)
        return ("a", index, offset, text)


def _something(event: JournalEvent) -> JournalEvent | None:
    """The event, unless it appends nothing."""
    return None if event[0] == "a" and not event[3] else event


@dataclass(slots=True)
class KeptDraft:
    """A draft as it was after event number `last` of an epoch."""

    epoch: int
    last: int
    draft: Draft


class Drafts:
    """The drafts of runs that producers outside write through this process; what is not kept is read again."""

    MOST = 10_000

    def __init__(self) -> None:
        self._kept: dict[UUID, KeptDraft] = {}

    def take(self, run_id: UUID, epoch: int) -> KeptDraft | None:
        """The draft, which is kept no more until it is given back."""
        kept = self._kept.pop(run_id, None)
        return kept if kept is not None and kept.epoch == epoch else None

    def keep(self, run_id: UUID, kept: KeptDraft) -> None:
        """Keeps a draft; the oldest goes where there are too many."""
        self._kept[run_id] = kept
        if len(self._kept) > self.MOST:
            del self._kept[next(iter(self._kept))]
