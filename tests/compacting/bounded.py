"""A model that reads so many tokens at once, and refuses more as its provider would."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from chat.conversation import messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.library import agents
from chat.library.agents import Character
from chat.runs import compaction
from chat.runtime import Life
from chat.scope import Scope
from db.models import Message, RunStatus
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, FinishReason, Progress, TextDelta, Usage
from llm.models import Models
from llm.scripted import ScriptedModel
from llm.turns import Request, Text
from tests.conftest import Server, viewer_of
from tests.sync.talk import has_status

BYTES_PER_TOKEN = 5
FINAL = (RunStatus.COMPLETED, RunStatus.FAILED)


class Bounded:
    """Answers with a number, and puts in short what it is asked to; remembers both."""

    def __init__(self, window: int, *, tells: bool = True) -> None:
        self.window = window
        self.tells = tells
        """Whether its refusals have numbers."""
        self.refused = 0
        self.short: list[Request] = []
        """What it was asked to put in short."""
        self.told: list[Request] = []
        """What it was asked to answer."""
        self.says: str | ModelError = "In short"
        """What it makes of a conversation, before a number."""
        self.model = ScriptedModel(self._answer)

    def on(self, server: Server) -> AbstractAsyncContextManager[Life]:
        """A process whose replies it writes."""
        return Server(server.db, server.redis, Models({"scripted": self.model})).process()

    async def _answer(self, request: Request) -> AsyncGenerator[Event]:
        tokens = size(request)
        if tokens > self.window - 10:
            self.refused += 1
            told = {"window": self.window, "read": tokens} if self.tells else {}
            raise ModelError("The conversation is too long.", ModelErrorCode.TOO_LONG, **told)
        is_short = (request.instructions or "").startswith(compaction.INSTRUCTIONS[:40])
        (self.short if is_short else self.told).append(request)
        yield Progress(tokens, tokens)
        if is_short and isinstance(self.says, ModelError):
            raise self.says
        yield TextDelta(f"{self.says} {len(self.short)}" if is_short else f"Answer {len(self.told)}")
        yield Finished(Usage(tokens, 2), FinishReason.STOP, model="bounded-1")


def size(request: Request) -> int:
    """The tokens of what a model is told."""
    texts = [request.instructions or "", *texts_of(request)]
    return sum(len(text.encode()) for text in texts) // BYTES_PER_TOKEN


def texts_of(request: Request) -> list[str]:
    """The texts that a model is told."""
    return [part.text for turn in request.turns for part in turn.parts if isinstance(part, Text)]


def line(number: int, length: int = 300) -> str:
    """A message that is told apart."""
    return f"Message {number}. ".ljust(length, "x")


async def begin(scope: Scope, tokens: int | None = None) -> UUID:
    """A session whose agent says that its model reads so many tokens."""
    agent = await agents.create(scope, Character(name="Bounded", context_tokens=tokens))
    session, _ = await sessions.create(scope, NewSession(title="Long", agent_id=agent.id))
    return session.id


async def ask(scope: Scope, session_id: UUID, text: str, *, ends: RunStatus = RunStatus.COMPLETED) -> Exchange:
    """A message, and its reply when that is over."""
    exchange = await messages.send(scope, session_id, text)
    await has_status(scope, exchange.run.id, ends)
    return exchange


async def now(scope: Scope, message_id: UUID) -> Message:
    """A message as it is by now."""
    async with scope.process.db.system() as tx:
        return await tx.get_one(Message, message_id)


async def compacted(scope: Scope, session_id: UUID) -> list[Message]:
    """The messages of a session that have a compaction, the first one first."""
    import sqlalchemy as sa

    async with scope.process.db.system() as tx:
        query = sa.select(Message).where(Message.session_id == session_id, Message.compaction.is_not(None))
        return list(await tx.scalars(query.order_by(Message.depth)))


__all__ = ["Bounded", "ask", "begin", "compacted", "line", "now", "size", "texts_of", "viewer_of"]
