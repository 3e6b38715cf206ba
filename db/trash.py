"""Sessions that their owners have deleted and can have back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import sessions, statements
from db.models import Membership, Session
from db.page import Page, Span, descending

_UNPURGED = Session.purged_at.is_(None)

KEPT = ("id", "owner_id", "head", "epoch", "version", "last_activity_at")
KEPT_TIMES = ("created_at", "updated_at", "deleted_at", "purged_at")
"""What the tombstone of a purged session still has, each in an attribute of its own."""


def _empty() -> dict[str, Any]:
    """The other attributes of a session, as they are of one that nobody has written to."""
    empty: dict[str, Any] = {}
    for name, attribute in sa.inspect(Session).column_attrs.items():
        default = attribute.columns[0].default
        if name not in (*KEPT, *KEPT_TIMES):
            empty[name] = None if default is None else default.arg(None) if default.is_callable else default.arg
    return empty


_EMPTY = _empty()


def _kept(kept: timedelta) -> tuple[ColumnElement[bool], ...]:
    return (_UNPURGED, Session.deleted_at.is_not(None), Session.deleted_at > func.now() - kept)


async def page(
    tx: AsyncSession, owner_id: UUID, span: Span[tuple[datetime, UUID]], kept: timedelta
) -> Page[tuple[Session, Membership]]:
    """The owner's deleted sessions, newest deletion first; the key is `(deleted_at, id)`. They are kept so long."""
    query = (
        select(Session, Membership)
        .join(Membership, (Membership.session_id == Session.id) & (Membership.user_id == owner_id))
        .where(Session.owner_id == owner_id, *_kept(kept))
    )
    found = await tx.execute(descending(query, span, Session.deleted_at.expression, Session.id.expression))
    return Page.of([(session, member) for session, member in found], span)


async def count(tx: AsyncSession, owner_id: UUID, kept: timedelta) -> int:
    """How many of the owner's sessions are deleted and can be had back."""
    query = select(func.count()).select_from(Session).where(Session.owner_id == owner_id, *_kept(kept))
    return (await tx.scalars(query)).one()


async def take_out(tx: AsyncSession, session_id: UUID, kept: timedelta) -> Session | None:
    """Has a session not be deleted any more, and locks its row; None where it is not there to be had."""
    return await sessions.advance(tx, session_id, 0, where=_kept(kept), deleted_at=None)


async def purge(tx: AsyncSession, session_id: UUID) -> Session | None:
    """Makes a session of the viewer's an empty tombstone, with nothing in it; None where it is one already."""
    gone: dict[str, Any] = {"deleted_at": func.coalesce(Session.deleted_at, func.now()), "purged_at": func.now()}
    session = await sessions.advance(tx, session_id, where=(_UNPURGED,), **gone, **_EMPTY)
    if session is not None:
        await statements.fetch(tx, "SELECT transom_purge_session($1)", session_id)
    return session
