"""What models were found to be able to read, by provider and model."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import LearnedWindow


async def young(tx: AsyncSession, age: timedelta) -> Mapping[tuple[str, str], int]:
    """All that were learned less than so long ago: tokens by provider and model."""
    query = select(LearnedWindow).where(LearnedWindow.learned_at > func.now() - age)
    return {(found.provider, found.model): found.tokens for found in await tx.scalars(query)}


async def learn(tx: AsyncSession, provider: str, model: str, tokens: int) -> None:
    """Stores what a model can read, in place of what was known."""
    said = insert(LearnedWindow).values(provider=provider, model=model, tokens=tokens)
    news = {"tokens": tokens, "learned_at": func.now()}
    await tx.execute(said.on_conflict_do_update(index_elements=["provider", "model"], set_=news))
