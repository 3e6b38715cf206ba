"""Turns as pydantic-ai messages, made valid for every provider."""

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

_NO_RESULT = "The tool gave no result."


def of(turns: Sequence[Turn]) -> list[ModelMessage]:
    """The conversation as providers want it: requests and responses in turn, every call answered right after it.

    A call without a result gets one that says so, a result without a call is left out; reasoning and files of the
    assistant's are not sent back.

    Raises:
        ModelError: `BAD_REQUEST`, a file's URL is not one that a model can be given.
    """
    builder = _History(turns)
    for turn in turns:
        builder.add(turn)
    builder.answer()
    return builder.messages


def fetches(turns: Sequence[Turn]) -> bool:
    """Whether there is a file that may have to be fetched for the provider, rather than be named to it."""
    files = [part for turn in turns for part in turn.parts if isinstance(part, File)]
    return any(file.url.startswith("http") and not file.media_type.startswith("image/") for file in files)


class _History:
    def __init__(self, turns: Sequence[Turn]) -> None:
        self.messages: list[ModelMessage] = []
        self._unanswered: list[ToolCall] = []
        # Some models number their calls anew in each reply, so that an id may come again.
        self._results: dict[str, deque[ToolResult]] = defaultdict(deque)
        for turn in turns:
            for part in turn.parts:
                if isinstance(part, ToolResult):
                    self._results[part.call_id].append(part)

    def add(self, turn: Turn) -> None:
        if turn.role in ("user", "system"):
            self.answer()
            if turn.role == "user":
                self._ask(UserPromptPart(_prompt(turn)))
            else:
                self._ask(SystemPromptPart(_text(turn)))
            return
        for part in turn.parts:
            match part:
                case Text(text) if text:
                    self._reply(TextPart(text))
                case ToolCall():
                    self._reply(ToolCallPart(part.name, part.arguments, part.id))
                    self._unanswered.append(part)
                case ToolResult():
                    self.answer()

    def answer(self) -> None:
        for call in self._unanswered:
            results = self._results[call.id]
            result = results.popleft() if results else ToolResult(call.id, call.name, _NO_RESULT, is_error=True)
            self._ask(
                ToolReturnPart(call.name, result.content, call.id, outcome="failed" if result.is_error else "success")
            )
        self._unanswered.clear()

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
