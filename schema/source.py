"""Who wrote what is told in short."""

from chat.conversation.summaries import SummarySource
from schema import choice

__all__ = ["SummarySource"]

choice.describe(
    SummarySource,
    "Who wrote a summary.",
    MODEL="A model.",
    PERSON="A person, or an app. A model's takes its place only if somebody says so.",
)
