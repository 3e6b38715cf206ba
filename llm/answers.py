"""Whole answers to a prompt of the server's own, such as a title: what is not meant to be read is no answer."""

import re
from collections.abc import Sequence

from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, FinishReason, ReasoningInstead, TextDelta
from llm.thinking import Thoughts

_DECLINES = re.compile(
    r"(i['’]?m|i am) (sorry|unable|not able)|i (can['’]?t|cannot|won['’]?t|will not)\b"
    r"|sorry\b|as an ai\b|unfortunately,",
    re.IGNORECASE,
)
"""How models decline in the text itself."""


def whole(events: Sequence[Event], *, line: bool = False) -> str:
    """The text of an answer without the thoughts in it.

    Where a `line` is all that is wanted, the lines before the one that was cut off will do.

    Raises:
        ModelError: it was cut off (`PROVIDER_FAILED`), or the model declined (`REFUSED`).
    """
    finished = next((event for event in events if isinstance(event, Finished)), None)
    reason = None if finished is None else finished.finish_reason
    text = _text(_apart(_text(events)))
    if line and reason == FinishReason.LENGTH:
        text = text.lstrip().rpartition("\n")[0]
    if reason != FinishReason.STOP and not (line and reason == FinishReason.LENGTH and text):
        raise ModelError("The model's answer was cut off. Try again.", ModelErrorCode.PROVIDER_FAILED)
    if _DECLINES.match(text.strip()):
        raise ModelError("The model declined to answer.", ModelErrorCode.REFUSED)
    return text


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
