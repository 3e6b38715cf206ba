"""Who speaks in a message."""

from db.models import MessageRole
from schema import choice

choice.describe(
    MessageRole,
    "Who speaks in a message.",
    USER="A person.",
    ASSISTANT="A model, or an app's own agent.",
    SYSTEM="The app, to the model.",
    TOOL="A tool, to the model.",
)

__all__ = ["MessageRole"]
