"""Requests for conversations of plain text, after the pattern of one that the provider's package has made.

A package takes some milliseconds of the event loop for a request. What it makes of a person's or an assistant's plain
text is the same each time, so it is asked once, for three words, and their places are filled with what was said.
"""

import re
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import httpx2
import orjson
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart

from llm.turns import Request, Text, Turn

type Make = Callable[[Request, str], Awaitable[httpx2.Request]]
"""Has the package make the request for a model."""

_INSTRUCTIONS, _QUESTION, _ANSWER, _MORE = (f" {word}\n" for word in ("who", "what", "that", "more"))
_PATTERN = (Turn("user", (Text(_QUESTION),)), Turn("assistant", (Text(_ANSWER),)), Turn("user", (Text(_MORE),)))
_TOKEN = re.compile(r"<[|｜a-z_]|\[(\||/?(INST|SYSTEM|AVAILABLE|TOOL)|e~)|\]~")
"""How whatever begins that could be a token of a chat template: for some models the package takes these apart."""
_MOST = 256
"""Patterns that are kept."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    url: httpx2.URL
    headers: tuple[tuple[bytes, bytes], ...]
    extensions: dict[str, Any]
    before: dict[str, Any]
    """What stands before the messages in the body."""
    after: dict[str, Any]
    instructions: dict[str, Any] | None
    question: dict[str, Any]
    answer: dict[str, Any]

    def filled(self, told: Sequence[tuple[bool, str]], instructions: str | None) -> httpx2.Request:
        begin = [] if self.instructions is None else [{**self.instructions, "content": instructions}]
        said = [{**(self.answer if answers else self.question), "content": text} for answers, text in told]
        body = orjson.dumps({**self.before, "messages": [*begin, *said], **self.after})
        return httpx2.Request("POST", self.url, headers=list(self.headers), content=body, extensions=self.extensions)


class Patterns:
    """The patterns of one provider's requests."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._known: dict[Hashable, _Pattern | None] = {}

    async def of(self, request: Request, model: str, messages: Sequence[ModelMessage]) -> httpx2.Request | None:
        """The request, where the messages are plain text and the package takes them as they are; else None."""
        told = _plain(messages)
        if told is None or _TOKEN.search(request.instructions or ""):
            return None
        try:
            key = _key(request, model)
            if key not in self._known:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = await self._learn(request, model)
            pattern = self._known[key]
            return None if pattern is None else pattern.filled(told, request.instructions)
        except orjson.JSONEncodeError:
            return None

    async def _learn(self, request: Request, model: str) -> _Pattern | None:
        instructions = _INSTRUCTIONS if request.instructions else None
        made = await self._make(replace(request, turns=_PATTERN, instructions=instructions), model)
        body = orjson.loads(made.content)
        messages = body.get("messages")
        if not isinstance(messages, list):
            return None
        if [message.get("content") for message in messages] != [
            *([] if instructions is None else [instructions]),
            *(_QUESTION, _ANSWER, _MORE),
        ]:
            return None
        *begin, question, answer, more = messages
        if more != {**question, "content": _MORE}:
            return None
        names = list(body)
        place = names.index("messages")
        return _Pattern(
            made.url,
            tuple((name, value) for name, value in made.headers.raw if name.lower() != b"content-length"),
            dict(made.extensions),
            {name: body[name] for name in names[:place]},
            {name: body[name] for name in names[place + 1 :]},
            begin[0] if begin else None,
            question,
            answer,
        )


def _key(request: Request, model: str) -> Hashable:
    """All that a request depends on, but for its texts."""
    others = {field.name: getattr(request, field.name) for field in fields(request)}
    del others["turns"]
    others["instructions"] = bool(request.instructions)
    others["parameters"] = dict(request.parameters)
    return model, orjson.dumps(others)


def _plain(messages: Sequence[ModelMessage]) -> list[tuple[bool, str]] | None:
    """The texts of a conversation, each with whether it is an answer; None where there is something else in it."""
    told = []
    for message in messages:
        match message:
            case ModelRequest(parts=[UserPromptPart(content=str(text))]) if not _TOKEN.search(text):
                told.append((False, text))
            case ModelResponse(parts=[TextPart(content=text)]) if not _TOKEN.search(text):
                told.append((True, text))
            case _:
                return None
    return told
