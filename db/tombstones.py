"""Tombstones: the deleted rows of the account scope, which are kept for a time so that every client hears of them."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Membership, Owned, Session, User

KEPT = timedelta(days=30)
"""How long a client may stay away and still hear what was deleted meanwhile; afterwards its cursor has expired."""

_OPTIONS = {"synchronize_session": False}


async def purge_sessions(tx: AsyncSession, older_than: timedelta, limit: int) -> int:
    """Removes sessions that were deleted so long ago, with everything in them; returns how many."""
    doomed = (
        select(Session.id)
        .where(Session.deleted_at < func.now() - older_than)
        .order_by(Session.deleted_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = (await tx.scalars(doomed)).all()
    numbers = select(Membership.user_id, Membership.seq).where(Membership.session_id.in_(gone))
    last = (await tx.execute(numbers)).all()
    await tx.execute(delete(Session).where(Session.id.in_(gone)), execution_options=_OPTIONS)
    await _forget(tx, [(user_id, seq) for user_id, seq in last])
    return len(gone)


async def purge_owned(tx: AsyncSession, older_than: timedelta, limit: int, *, kind: type[Owned]) -> int:
    """Removes what accounts own and deleted so long ago; returns how many. Sessions lose the link to it."""
    doomed = (
        select(kind.id, kind.owner_id, kind.seq)
        .where(kind.deleted_at < func.now() - older_than)
        .order_by(kind.deleted_at)
        .limit(limit)
    )
    gone = (await tx.execute(doomed)).all()
    await tx.execute(delete(kind).where(kind.id.in_([id for id, _, _ in gone])), execution_options=_OPTIONS)
    await _forget(tx, [(owner_id, seq) for _, owner_id, seq in gone if owner_id is not None])
    return len(gone)


async def _forget(tx: AsyncSession, numbers: list[tuple[UUID, int]]) -> None:
    """Moves the horizon of each account behind the numbers of what has gone. Comes last: sessions are locked first."""
    last: dict[UUID, int] = {}
    for user_id, seq in numbers:
        last[user_id] = max(seq, last.get(user_id, 0))
    for user_id, seq in sorted(last.items()):
        moved = update(User).where(User.id == user_id).values(horizon=func.greatest(User.horizon, seq))
        await tx.execute(moved, execution_options=_OPTIONS)
