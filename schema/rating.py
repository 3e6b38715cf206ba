"""What somebody thinks of a message."""

from chat.conversation.annotations import Rating
from schema import choice

choice.describe(Rating, "What somebody thinks of a message.", GOOD="It helps.", BAD="It does not.")

__all__ = ["Rating"]
