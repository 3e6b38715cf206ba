"""What goes into a model: the turns of a conversation, and how to answer them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

type Role = Literal["user", "assistant", "system", "tool"]
type Part = Text | Reasoning | ToolCall | ToolResult | File


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text or Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it answered. Kept for people; no provider is sent it back."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool run. `arguments` is the text of a JSON object, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the tool gave for the call `call_id`."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A file a person attached: an absolute `http(s):` URL or a base64 `data:` URL, with its media type."""

    url: str
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A conversation to continue.

    `instructions` is who the model is to be. `model` names a model of the provider; `None` takes its default.
    `parameters` may hold `temperature`, `max_tokens`, `top_p`, `seed`, `stop`, `silence` and `response_format`; a model
    refuses others (see `llm.parameters`).
    """

    turns: tuple[Turn, ...]
    instructions: str | None = None
    model: str | None = None
    parameters: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def silence(self) -> float | None:
        """Seconds that the provider may send no byte, where this is said."""
        silence = self.parameters.get("silence")
        return float(silence) if isinstance(silence, int | float) else None
