"""Turns as pydantic-ai messages, made valid for every provider."""

import re
from collections import defaultdict, deque
from collections.abc import Sequence

from pydantic_ai.messages import (
    AudioUrl,
    BinaryContent,
    DocumentUrl,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
    VideoUrl,
)

from llm.errors import ModelError, ModelErrorCode
from llm.turns import File, Text, ToolCall, ToolResult, Turn

_BEGIN = Turn("user", (Text("Begin the conversation."),))
_GO_ON = Turn("user", (Text("Go on."),))
_NO_RESULT = "The tool gave no result."
_EMPTY = "The tool's result is empty."
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def of(turns: Sequence[Turn]) -> list[ModelMessage]:
    """The conversation as providers want it: requests and responses in turn, every call answered right after it.

    It begins with a person's turn and ends with one, or with what a tool said: where the assistant is to speak first,
    or once more, a person's turn asks it to. A call without a result gets one that says so, a result without a call is
    left out, and so is blank text; an id that came before, or that providers refuse, is replaced. Reasoning and files
    of the assistant's are not sent back.

    Raises:
        ModelError: `BAD_REQUEST`, a file's URL is not one that a model can be given.
    """
    turns = _from_the_first_question(turns)
    builder = _History(turns)
    for turn in turns:
        builder.add(turn)
    builder.answer()
    if isinstance(builder.messages[-1], ModelResponse):
        builder.add(_GO_ON)
    return builder.messages


def fetches(turns: Sequence[Turn]) -> bool:
    """Whether there is a file that may have to be fetched for the provider, rather than be named to it."""
    files = [part for turn in turns for part in turn.parts if isinstance(part, File)]
    return any(file.url.startswith("http") and not file.media_type.startswith("image/") for file in files)


def tool(name: str) -> str:
    """The name of a tool as providers take it."""
    return _NOT_IN_NAMES.sub("_", name)[:64] or "tool"


def _from_the_first_question(turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns without replies to what is not told any more; where nobody has said anything, with a first word."""
    first = next((number for number, turn in enumerate(turns) if turn.role == "user"), None)
    if first is None:
        first = next((number for number, turn in enumerate(turns) if turn.role != "system"), len(turns))
        turns = [*turns[:first], _BEGIN, *turns[first:]]
    return [turn for number, turn in enumerate(turns) if number >= first or turn.role == "system"]


def _results(turns: Sequence[Turn]) -> list[ToolResult | None]:
    """The result of each call. Some models number their calls anew in each reply, so that an id may come again."""
    found: list[ToolResult | None] = []
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for part in (part for turn in turns for part in turn.parts):
        if isinstance(part, ToolCall):
            waiting[part.id].append(len(found))
            found.append(None)
        elif isinstance(part, ToolResult) and waiting[part.call_id]:
            found[waiting[part.call_id].popleft()] = part
    return found


class _History:
    def __init__(self, turns: Sequence[Turn]) -> None:
        self.messages: list[ModelMessage] = []
        self._unanswered: list[ToolReturnPart] = []
        self._results = iter(_results(turns))
        self._ids: set[str] = set()

    def add(self, turn: Turn) -> None:
        if turn.role in ("user", "system"):
            self.answer()
            if turn.role == "user":
                self._ask_more(_prompt(turn))
            else:
                self._ask(SystemPromptPart(_text(turn)))
            return
        for part in turn.parts:
            match part:
                case Text(text) if text.strip():
                    self._reply(TextPart(text))
                case ToolCall():
                    self._call(part)
                case ToolResult():
                    self.answer()

    def answer(self) -> None:
        for result in self._unanswered:
            self._ask(result)
        self._unanswered.clear()

    def _call(self, call: ToolCall) -> None:
        call_id, name = self._id(call.id), tool(call.name)
        result = next(self._results) or ToolResult(call.id, call.name, _NO_RESULT, is_error=True)
        content = result.content if result.content.strip() else _EMPTY
        self._reply(ToolCallPart(name, call.arguments, call_id))
        self._unanswered.append(
            ToolReturnPart(name, content, call_id, outcome="failed" if result.is_error else "success")
        )

    def _id(self, wanted: str) -> str:
        free = wanted
        number = len(self._ids)
        while free in self._ids or not _ID.fullmatch(free):
            number += 1
            free = f"call_{number}"
        self._ids.add(free)
        return free

    def _ask_more(self, prompt: str | list[UserContent]) -> None:
        """Adds a person's turn; to the one before where no reply came between, since roles have to alternate."""
        last = self.messages[-1] if self.messages else None
        before = last.parts[-1] if isinstance(last, ModelRequest) else None
        if not isinstance(before, UserPromptPart):
            self._ask(UserPromptPart(prompt))
        elif isinstance(before.content, str) and isinstance(prompt, str):
            before.content = f"{before.content}\n\n{prompt}"
        else:
            before.content = [*_content(before.content), *_content(prompt)]

    def _ask(self, part: ModelRequestPart) -> None:
        last = self.messages[-1] if self.messages else None
        if isinstance(last, ModelRequest):
            last.parts = [*last.parts, part]
        else:
            self.messages.append(ModelRequest(parts=[part]))

    def _reply(self, part: ModelResponsePart) -> None:
        last = self.messages[-1] if self.messages else None
        if isinstance(last, ModelResponse):
            last.parts = [*last.parts, part]
        else:
            self.messages.append(ModelResponse(parts=[part]))


def _content(prompt: str | Sequence[UserContent]) -> Sequence[UserContent]:
    return [prompt] if isinstance(prompt, str) else prompt


def _text(turn: Turn) -> str:
    return "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))


def _prompt(turn: Turn) -> str | list[UserContent]:
    if not any(isinstance(part, File) for part in turn.parts):
        return _text(turn)
    content: list[UserContent] = []
    for part in turn.parts:
        match part:
            case Text(text):
                content.append(text)
            case File():
                content.append(_file(part))
    return content


def _file(file: File) -> UserContent:
    if file.url.startswith("data:"):
        try:
            return BinaryContent.from_data_uri(file.url)
        except ValueError:
            raise _unusable(file) from None
    if not file.url.startswith(("https://", "http://")):
        raise _unusable(file)
    match file.media_type.partition("/")[0]:
        case "image":
            return ImageUrl(file.url, media_type=file.media_type)
        case "audio":
            return AudioUrl(file.url, media_type=file.media_type)
        case "video":
            return VideoUrl(file.url, media_type=file.media_type)
        case _:
            return DocumentUrl(file.url, media_type=file.media_type)


def _unusable(file: File) -> ModelError:
    return ModelError(
        f"The file '{file.name}' cannot be given to a model: its address is neither http(s) nor base64 data.",
        ModelErrorCode.BAD_REQUEST,
    )
