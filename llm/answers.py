"""Whole answers to a prompt of the server's own, such as a title: what is not meant to be read is no answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, FinishReason, ReasoningInstead, TextDelta, Usage
from llm.thinking import Thoughts

_DECLINES = re.compile(
    r"(i['’]?m|i am) (sorry|unable|not able)|i (can['’]?t|cannot|won['’]?t|will not)\b"
    r"|sorry\b|as an ai\b|unfortunately,",
    re.IGNORECASE,
)
"""How models decline in the text itself."""


class Need(Enum):
    """What of an answer that a limit of tokens cut off will do."""

    ALL = auto()
    """Nothing."""
    LINE = auto()
    """The lines before the one that was cut off."""
    SOME = auto()
    """Whatever there is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered."""

    text: str
    usage: Usage
    model: str | None
    """The model, as its provider names it."""


def whole(events: Sequence[Event], need: Need = Need.ALL) -> Answer:
    """An answer without the thoughts in it.

    Raises:
        ModelError: it was cut off (`PROVIDER_FAILED`), or the model declined (`REFUSED`).
    """
    finished = next((event for event in events if isinstance(event, Finished)), None)
    reason = None if finished is None else finished.finish_reason
    text = _text(_apart(_text(events)))
    if need is Need.LINE and reason == FinishReason.LENGTH:
        text = text.lstrip().rpartition("\n")[0]
    will_do = reason == FinishReason.STOP or (need is not Need.ALL and reason == FinishReason.LENGTH and text)
    if finished is None or not will_do:
        raise ModelError("The model's answer was cut off. Try again.", ModelErrorCode.PROVIDER_FAILED)
    if _DECLINES.match(text.strip()):
        raise ModelError("The model declined to answer.", ModelErrorCode.REFUSED)
    return Answer(text, finished.usage, finished.model)


def _apart(text: str) -> list[Event]:
    thoughts = Thoughts()
    return [*thoughts.tell(text), *thoughts.end()] if text else []


def _text(events: Sequence[Event]) -> str:
    said: list[str] = []
    for event in events:
        if isinstance(event, ReasoningInstead):
            said.clear()
        elif isinstance(event, TextDelta):
            said.append(event.text)
    return "".join(said)
