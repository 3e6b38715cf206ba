"""How much of a conversation a model can be told, in bytes: nobody but its provider can count its tokens before."""

from dataclasses import dataclass

from db.models import Agent
from llm.errors import ModelError

BYTES_PER_TOKEN = 3.0
"""What is taken where a conversation was not counted yet; English has four, Chinese three."""
_BYTES = (1.0, 8.0)
"""What a token has at least and at most; a count that says otherwise is of something else."""
_LONGEST_REPLY = 4_096
"""Tokens that are left for a reply at most, where its agent says nothing of `max_tokens`."""
_SMALLER = 0.75
"""What is tried in place of what was too much, where a provider says no numbers."""


@dataclass(slots=True)
class Room:
    """The room that a conversation has. It learns from what a provider has counted, and from its refusals."""

    window: int
    """Tokens that the model reads and writes at once."""
    longest_reply: int | None = None
    """Tokens that a reply may have, if its agent says so."""
    bytes_per_token: float = BYTES_PER_TOKEN
    is_measured: bool = False
    """Whether a provider has counted something of the conversation."""

    @classmethod
    def of(cls, window: int, agent: Agent | None) -> "Room":
        """The room that an agent has in a window."""
        said = agent.parameters.get("max_tokens") if agent else None
        return cls(window, said if isinstance(said, int) else None)

    @property
    def size(self) -> int:
        """How many tokens a model can be told: the window without what is left for the reply."""
        reply = self.longest_reply or min(self.window // 8, _LONGEST_REPLY)
        return self.window - min(reply, self.window // 2)

    @property
    def bytes(self) -> float:
        """How much a model can be told."""
        return self.size * self.bytes_per_token

    def tokens(self, weight: float) -> int:
        """About how many tokens so much is."""
        return round(weight / self.bytes_per_token)

    def counted(self, weight: int, tokens: int) -> None:
        """Learns that so much was so many tokens."""
        if weight > 0 and tokens > 0:
            least, most = _BYTES
            self.bytes_per_token = min(max(weight / tokens, least), most)
            self.is_measured = True

    def refused(self, weight: int, error: ModelError) -> None:
        """Learns that so much was too much; there is less room than that from now on."""
        if error.read is not None:
            self.counted(weight, error.read)
        if error.window is not None:
            self.window = min(self.window, error.window)
        if self.bytes >= weight:
            self.bytes_per_token *= weight * _SMALLER / self.bytes
