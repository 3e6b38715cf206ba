"""What a message is made of."""

from collections.abc import Iterable

import strawberry
from strawberry.scalars import JSON

from db.models import Json
from schema.shown import same


@strawberry.interface(description="A piece of a message.")
class Part:
    """One part; `sync.parts` says how they are stored."""

    index: int = strawberry.field(description="Its place in the message, from 0.")


@strawberry.type(description="Text, as plain text or Markdown.")
class TextPart(Part):
    """What is read."""

    text: str = strawberry.field(description="The text.")


@strawberry.type(description="What a model thought before it answered.")
class ReasoningPart(Part):
    """The model's thoughts."""

    text: str = strawberry.field(description="The thoughts, as the provider shows them.")


@strawberry.type(description="A model's wish to have a tool run.")
class ToolCallPart(Part):
    """A call of a tool."""

    call_id: strawberry.ID = strawberry.field(description="The provider's id of the call; the result repeats it.")
    name: str = strawberry.field(description="The tool's name.")
    arguments: str = strawberry.field(
        description="The arguments as JSON text. While the call is being written, what there is of it."
    )


@strawberry.type(description="What a tool gave for a call.")
class ToolResultPart(Part):
    """A result of a tool."""

    call_id: strawberry.ID = strawberry.field(description="The call that this is the result of.")
    name: str = strawberry.field(description="The tool's name.")
    content: str = strawberry.field(description="The result as text.")
    is_error: bool = strawberry.field(description="Whether the tool failed, or was stopped.")


@strawberry.type(description="A file.")
class FilePart(Part):
    """A reference to a file."""

    url: str = strawberry.field(description="Where the file is.")
    media_type: str = strawberry.field(description="Its media type, such as `image/png`.")
    name: str = strawberry.field(description="Its name.")


@strawberry.type(
    description="Data for the app's own use, such as an activity or a panel, or what a model answered in JSON."
)
class DataPart(Part):
    """Anything that an app wants to show with a message."""

    name: str = strawberry.field(description="What kind of data it is; of an answer, the name of its schema.")
    value: JSON = strawberry.field(description="The data.")


class _ToolCall(ToolCallPart):
    call_id = same("id")
    arguments = same("text")


class _ToolResult(ToolResultPart):
    call_id = same("callId")
    content = same("text")
    is_error = same("isError")


class _File(FilePart):
    media_type = same("mediaType")


_KINDS: dict[str, type[Part]] = {
    "text": TextPart,
    "reasoning": ReasoningPart,
    "toolCall": _ToolCall,
    "toolResult": _ToolResult,
    "file": _File,
    "data": DataPart,
}
_new = object.__new__


def of(index: int, stored: Json) -> Part:
    """The stored part as clients see it."""
    return all_of([stored], index)[0]


def all_of(stored: Iterable[Json], first: int = 0) -> list[Part]:
    """The stored parts of a message, in order. What is stored becomes attributes as it is, some by another name."""
    parts = []
    for index, each in enumerate(stored, first):
        part = _new(_KINDS[each["kind"]])
        part.__dict__ = {**each, "index": index}
        parts.append(part)
    return parts
