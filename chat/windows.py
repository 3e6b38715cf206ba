"""How much the models that answer can read: what an agent says, what is set up or known, and what they refused."""

import asyncio
from datetime import timedelta

from db import learned_windows
from db.database import Database
from db.models import Agent
from llm import windows
from llm.models import Models

LEAST, MOST = 512, 10_000_000
"""Tokens that a model can be said to read."""
_FRESH = 60.0
"""Seconds after which what other processes have learned is read."""
_VALID = timedelta(days=7)
"""How long what a provider refused counts: afterwards its model may read more."""


class Windows:
    """The windows of all models, in tokens: what they read and write at once."""

    def __init__(self, db: Database, models: Models) -> None:
        self._db = db
        self._models = models
        self._learned: dict[tuple[str, str], int] = {}
        self._read_at: float | None = None

    async def of(self, agent: Agent | None) -> int:
        """The window of the model that answers for an agent, or where there is none."""
        said = None if agent is None else agent.context_tokens
        tokens = said or await self._known(agent)
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > _FRESH:
            async with self._db.system() as tx:
                self._learned = dict(await learned_windows.young(tx, _VALID))
            self._read_at = now
        return min(tokens, self._learned.get(self._key(agent), tokens))

    async def learn(self, agent: Agent | None, tokens: int) -> None:
        """Notes, for all processes, what the provider of an agent's model has said that it reads."""
        key, tokens = self._key(agent), min(tokens, MOST)
        self._learned[key] = tokens
        async with self._db.system() as tx:
            await learned_windows.learn(tx, *key, tokens)

    async def _known(self, agent: Agent | None) -> int:
        provider, model = (agent.provider, agent.model) if agent else (None, None)
        if (tokens := self._models.window(provider, model)) is not None:
            return tokens
        name = self._models.name(provider, model)
        tokens = None if name is None else await asyncio.to_thread(windows.known, name)
        return tokens or windows.UNKNOWN

    def _key(self, agent: Agent | None) -> tuple[str, str]:
        """The provider as the agent names it, and the model that answers, which is not always named."""
        provider, model = (agent.provider, agent.model) if agent else (None, None)
        return provider or "", self._models.name(provider, model) or model or ""
