"""Which models of a provider nobody could reach a moment ago, so that not every reply waits to find out."""

from __future__ import annotations

import asyncio

from llm.errors import ModelErrorCode

LASTS = 15.0
"""Seconds until one reply tries again."""
COSTLY = (ModelErrorCode.UNREACHABLE, ModelErrorCode.TIMED_OUT)
"""Failures that a reply has waited for. Whoever fails otherwise does so at once, and may be asked by each."""


class Outages:
    """Of one provider, by the name of the model."""

    def __init__(self) -> None:
        self._until: dict[str | None, float] = {}

    def lasts(self, model: str | None) -> bool:
        """Whether to ask others first. After `LASTS` one caller is told no, and the others yes for as long again."""
        now = asyncio.get_running_loop().time()
        until = self._until.get(model)
        if until is None:
            return False
        if now < until:
            return True
        self._until[model] = now + LASTS
        return False

    def began(self, model: str | None) -> None:
        """Remembers that nobody could reach it."""
        now = asyncio.get_running_loop().time()
        for name in [name for name, until in self._until.items() if until < now - LASTS]:
            del self._until[name]  # names are whatever agents say, so those of old are not kept
        self._until[model] = now + LASTS

    def ended(self, model: str | None) -> None:
        """Forgets it: there was an answer."""
        self._until.pop(model, None)
