"""Receipts of mutations: each key of an account counts once."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Receipt

CANCELLED = b"cancelled"
"""Stands for the digest where a mutation was cancelled before it arrived."""


async def open(tx: AsyncSession, user_id: UUID, key: str, digest: bytes) -> Receipt | None:
    """Takes a key for this transaction; or returns the receipt of an earlier one that had it.

    Waits for a transaction that has the key just now.
    """
    taken = insert(Receipt).values(user_id=user_id, key=key, digest=digest).on_conflict_do_nothing()
    if (await tx.scalars(taken.returning(Receipt.key))).one_or_none() is not None:
        return None
    return (await tx.scalars(select(Receipt).where(Receipt.user_id == user_id, Receipt.key == key))).one()


async def close(tx: AsyncSession, user_id: UUID, key: str, made: Mapping[str, str]) -> None:
    """Writes down what the transaction made."""
    await tx.execute(
        update(Receipt).where(Receipt.user_id == user_id, Receipt.key == key).values(made=dict(made)),
        execution_options={"synchronize_session": False},
    )


async def purge(tx: AsyncSession, older_than: timedelta) -> int:
    """Removes old receipts; returns how many."""
    query = delete(Receipt).where(Receipt.created_at < func.now() - older_than)
    result = await tx.execute(query, execution_options={"synchronize_session": False})
    return cast("CursorResult[tuple[()]]", result).rowcount
