"""Messages as one text, for a model that is to put them in short."""

from collections.abc import Iterator, Sequence

from chat.runs import message_turns
from db.models import Message
from llm.turns import File, Part, Text, ToolCall, ToolResult

_SPEAKERS = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}
_EARLIER = "What was said before, in short"
_LEFT_OUT = " […] "
_SHORTEST = 80
"""Bytes of a message that are kept of it, however little room there is."""
BEGINNING = 160
"""Characters of a message that stand for it where no model puts it in short."""


def of(base: Message | None, said: Sequence[Message], most: float) -> str:
    """What was said, behind the compaction of what precedes it; in at most so many bytes, if that can be.

    Where it is too much, the longest messages lose their middle.
    """
    lines = [*_earlier(base), *_lines(said)]
    each = most
    while sum(len(line.encode()) for line in lines) > most and each > _SHORTEST:
        each = max(each / 2, _SHORTEST)
        lines = [shortened(line, each) for line in lines]
    return "\n\n".join(lines)


def beginnings(base: Message | None, said: Sequence[Message], most: float) -> str:
    """The compaction of what precedes, and how each message begins; in at most so many bytes."""
    return shortened("\n".join([*_earlier(base), *(line[:BEGINNING] for line in _lines(said))]), most)


def shortened(text: str, most: float) -> str:
    """The text; where it has more bytes than so many, without its middle."""
    whole = text.encode()
    if len(whole) <= most:
        return text
    half = max(0, int(most) - len(_LEFT_OUT.encode())) // 2
    return whole[:half].decode(errors="ignore") + _LEFT_OUT + whole[len(whole) - half :].decode(errors="ignore")


def _earlier(base: Message | None) -> Iterator[str]:
    if base is not None and base.compaction is not None:
        yield f"{_EARLIER}: {base.compaction['text']}"


def _lines(said: Sequence[Message]) -> list[str]:
    return [
        f"{_SPEAKERS[turn.role]}: {text}"
        for message in said
        for turn in message_turns.turns(message)
        if (text := "\n".join(filter(None, map(_text, turn.parts))))
    ]


def _text(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case ToolCall(_, name, arguments):
            return f"[calls {name}: {arguments}]"
        case ToolResult(_, name, content):
            return f"[{name} gave: {content}]"
        case File(_, media_type, name):
            return f"[a file: {name}, {media_type}]"
        case _:
            return ""
