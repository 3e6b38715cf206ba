"""What every model is here, whoever runs it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from llm.events import Event
from llm.turns import Request


class Model(Protocol):
    """Something that continues a conversation."""

    def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Continue the conversation: each event as soon as it exists, `Finished` last.

        To be consumed under `aclosing`; closing it ends the provider's work on the reply at once.

        Raises:
            ModelError: while iterating, never by the call itself; nothing else is raised.
        """
        ...
