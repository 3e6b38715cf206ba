"""Answers that an agent is to give as JSON: read, compared with their schema, and shown as a part of their own."""

import asyncio
import json
import math
from collections.abc import Iterable
from typing import Any, Never

from db.models import FinishReason, Json
from db.texts import storable_json
from llm import schemas
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, ReasoningInstead, TextDelta, ToolCallStarted, ToolResultGiven
from llm.formats import Format

LARGEST = 256 * 1024
"""Characters of an answer."""
DEEPEST = 100
"""Levels of lists and objects in each other."""
ENDS = (FinishReason.STOP, FinishReason.OTHER)
"""Why a model stops that has given its answer."""

_INTEGERS = range(-(2**63), 2**64)
_FENCE = "```"


class Output:
    """The answer of one reply: its text after whatever tools were called in it."""

    def __init__(self, asked: Format, so_far: Iterable[Json]) -> None:
        self._asked = asked
        self._said: list[str] = []
        for part in so_far:
            if part["kind"] == "text":
                self._said.append(part["text"])
            elif part["kind"] in ("toolCall", "toolResult"):
                self._said.clear()

    @property
    def has_begun(self) -> bool:
        """Whether there is a part of the answer, so that what comes is the rest of it."""
        return any(text.strip() for text in self._said)

    def take(self, event: Event) -> None:
        """Notes what an event adds."""
        match event:
            case TextDelta(text):
                self._said.append(text)
            case ToolCallStarted() | ToolResultGiven() | ReasoningInstead():
                self._said.clear()

    async def part(self) -> Json:
        """The part with the value of the whole answer.

        Raises:
            ModelError: `INVALID_OUTPUT`, it is not what was asked for.
        """
        text = "".join(self._said)
        if len(text) > LARGEST:
            raise _invalid(f"is longer than {LARGEST:,} characters")
        value = await asyncio.to_thread(_value, text)
        if self._asked.schema is None:
            if not isinstance(value, dict):
                raise _invalid("is JSON, but no object")
        elif (misfit := await schemas.compare(self._asked.schema, value)) is not None:
            if misfit == schemas.TOO_SLOW:
                raise _invalid(f"takes too long to compare with the schema '{self._asked.name}'. Make that simpler")
            where = f" at '{misfit.pointer}'" if misfit.pointer else ""
            raise _invalid(f"does not fit the schema '{self._asked.name}'{where}: {misfit.reason}")
        return {"kind": "data", "name": self._asked.name, "value": value}


def _value(text: str) -> Any:
    """The value that a text is, as it can be stored.

    Raises:
        ModelError: `INVALID_OUTPUT`, it is none.
    """
    if not (text := _unfenced(text)):
        raise _invalid("is blank")
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _invalid(f"is not JSON, from line {error.lineno}, column {error.colno} on") from error
    except RecursionError as error:
        raise _too_deep() from error
    if value is None:
        raise _invalid("is null, which says nothing")
    _check_depth(value)
    return storable_json(value)


def _unfenced(text: str) -> str:
    """The text without a fence of Markdown around all of it."""
    text = text.strip().removeprefix("\ufeff")
    if not (text.startswith(_FENCE) and text.endswith(_FENCE) and len(text) > 2 * len(_FENCE)):
        return text
    _language, newline, inner = text.removesuffix(_FENCE).partition("\n")
    return inner if newline else text


def _integer(digits: str) -> int:
    if len(digits) > 20 or (number := int(digits)) not in _INTEGERS:
        raise _invalid("has an integer of more than 64 bits")
    return number


def _number(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise _invalid("has a number that no double can hold")
    return number


def _no_number(name: str) -> Never:
    raise _invalid(f"is not JSON: there is no {name} in it")


def _check_depth(value: object) -> None:
    level, depth = [value], 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        if depth > DEEPEST:
            raise _too_deep()
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]


def _too_deep() -> ModelError:
    return _invalid(f"is more than {DEEPEST} levels deep")


def _invalid(what: str) -> ModelError:
    return ModelError(f"The model's answer {what}. Try again.", ModelErrorCode.INVALID_OUTPUT)
