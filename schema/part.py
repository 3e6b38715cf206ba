"""What a message is made of."""

import strawberry
from strawberry.scalars import JSON

from db.models import Json


@strawberry.interface(description="A piece of a message.")
class Part:
    """One part; `chat.parts` says how they are stored."""

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


@strawberry.type(description="Data for the app's own use, such as an activity or a panel.")
class DataPart(Part):
    """Anything that an app wants to show with a message."""

    name: str = strawberry.field(description="What kind of data it is.")
    value: JSON = strawberry.field(description="The data.")


def of(index: int, stored: Json) -> Part:
    """The stored part as clients see it."""
    match stored["kind"]:
        case "text":
            return TextPart(index=index, text=stored["text"])
        case "reasoning":
            return ReasoningPart(index=index, text=stored["text"])
        case "toolCall":
            return ToolCallPart(
                index=index, call_id=strawberry.ID(stored["id"]), name=stored["name"], arguments=stored["text"]
            )
        case "toolResult":
            return ToolResultPart(
                index=index,
                call_id=strawberry.ID(stored["callId"]),
                name=stored["name"],
                content=stored["text"],
                is_error=stored["isError"],
            )
        case "file":
            return FilePart(index=index, url=stored["url"], media_type=stored["mediaType"], name=stored["name"])
        case _:
            return DataPart(index=index, name=stored["name"], value=JSON(stored["value"]))
