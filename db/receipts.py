"""Receipts of mutations: each key of an account counts once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements, texts
from db.models import Receipt

_TAKE = "INSERT INTO receipts (user_id, key, digest) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING key"
_CLOSE = "UPDATE receipts SET made = $3 WHERE user_id = $1 AND key = $2"

CANCELLED = b"cancelled"
"""Stands for the digest where a mutation was cancelled before it arrived."""


async def open(tx: AsyncSession, user_id: UUID, key: str, digest: bytes) -> Receipt | None:
    """Takes a key for this transaction; or returns the receipt of an earlier one that had it.

    Waits for a transaction that has the key just now.
    """
    if await statements.first(tx, _TAKE, user_id, key, digest) is not None:
        return None
    return (await tx.scalars(select(Receipt).where(Receipt.user_id == user_id, Receipt.key == key))).one()


async def find(tx: AsyncSession, user_id: UUID, key: str) -> Receipt | None:
    """The receipt of an earlier transaction that had a key; takes nothing, and waits for nobody."""
    return (await tx.scalars(select(Receipt).where(Receipt.user_id == user_id, Receipt.key == key))).one_or_none()


async def close(tx: AsyncSession, user_id: UUID, key: str, made: Mapping[str, str]) -> None:
    """Writes down what the transaction made."""
    await statements.fetch(tx, _CLOSE, user_id, key, texts.json(dict(made)))


async def purge(tx: AsyncSession, older_than: timedelta) -> int:
    """Removes old receipts; returns how many."""
    query = delete(Receipt).where(Receipt.created_at < func.now() - older_than)
    result = await tx.execute(query, execution_options={"synchronize_session": False})
    return cast("CursorResult[tuple[()]]", result).rowcount
