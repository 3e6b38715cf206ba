"""A question, and what came of it."""

from typing import Self

import strawberry

from chat.conversation import turns
from schema.connection import Connection
from schema.message import Message


@strawberry.type(description="A message of a person, and what followed it on its path up to the next such message.")
class Turn:
    """See `chat.conversation.turns.Turn`."""

    question: Message | None = strawberry.field(
        description="The person's message; null for what precedes the first one."
    )
    answers: list[Message] = strawberry.field(description="What followed: replies, and what tools and the app said.")

    @classmethod
    def of(cls, turn: turns.Turn) -> Self:
        """The messages as clients see them."""
        question = None if turn.question is None else Message.of(turn.question)
        return cls(question=question, answers=[Message.of(row) for row in turn.answers])


@strawberry.type(description="A page of turns along one branch of a session.")
class TurnConnection(Connection[Turn]):
    """Turns from the beginning of the conversation to its end."""
