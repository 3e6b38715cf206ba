"""What an account has of what is limited, and the limits that somebody has set for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import statements
from db.models import User
from db.reader import Asked, Readers

type Limits = Mapping[str, int]

_ANY = Asked(
    """
    SELECT FROM (SELECT) AS one
    WHERE EXISTS (SELECT FROM users WHERE limits IS NOT NULL) OR EXISTS (SELECT FROM agents WHERE limits IS NOT NULL)
    """,
    asyncpg.Record,
)

_OF = """
    SELECT users.limits, agent.id, agent.name, agent.limits
    FROM users LEFT JOIN agents AS agent
        ON agent.limits IS NOT NULL AND agent.deleted_at IS NULL AND agent.id = COALESCE(
            $2::uuid,
            (SELECT agent_id FROM runs WHERE id = $3),
            (SELECT agent_id FROM sessions WHERE id = COALESCE((SELECT session_id FROM messages WHERE id = $3), $3)),
            (SELECT agent_id FROM templates WHERE id = $4))
    WHERE users.id = $1
"""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('transom.quotas/' || $1::uuid::text, 0))"
_SESSIONS = "SELECT count(*) FROM sessions WHERE owner_id = $1 AND deleted_at IS NULL"
_RUNS = """
    SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'awaiting_input') AND requested_by = $1
"""
_BYTES = "SELECT transom_stored_bytes()"


async def any_set(readers: Readers) -> bool:
    """Whether anybody has set limits for an account or an agent."""
    return bool(await readers.fetch(_ANY))


@dataclass(frozen=True, slots=True)
class Found:
    """The limits that somebody has set."""

    account: Limits
    """Of the account, by their names; 0: no limit."""
    agent_id: UUID | None
    agent_name: str
    agent: Limits
    """Of the agent, if it has any."""


async def of(
    tx: AsyncSession,
    user_id: UUID,
    agent_id: UUID | None = None,
    on: UUID | None = None,
    template_id: UUID | None = None,
) -> Found:
    """The limits set for an account, and for an agent.

    The agent is the given one, or that of `on` (a session, a message in one, or a run), or else that of a template.
    """
    account, found_id, name, agent = (await statements.fetch(tx, _OF, user_id, agent_id, on, template_id))[0]
    return Found(account or {}, found_id, name or "", agent or {})


async def lock(tx: AsyncSession, user_id: UUID) -> None:
    """Has others wait who count for this account, to the commit. It comes before every row that is locked.

    It is not the account's row, because that comes after a session's, which nobody may lock before there is room.
    """
    await statements.fetch(tx, _LOCK, user_id)


async def sessions(tx: AsyncSession, user_id: UUID) -> int:
    """How many sessions the account has that are not deleted."""
    return await _one(tx, _SESSIONS, user_id)


async def active_runs(tx: AsyncSession, user_id: UUID) -> int:
    """How many of the runs that the account has asked for are not over."""
    return await _one(tx, _RUNS, user_id)


async def stored_bytes(tx: AsyncSession) -> int:
    """Bytes of the messages in the viewer's own sessions. The account must be locked."""
    return await _one(tx, _BYTES)


async def _one(tx: AsyncSession, statement: str, *values: object) -> int:
    found: int = (await statements.fetch(tx, statement, *values))[0][0]
    return found


async def account(tx: AsyncSession, name: str) -> User | None:
    """The account of an id, or of a subject of the identity provider."""
    try:
        found = User.id == UUID(name)
    except ValueError:
        return (await tx.scalars(select(User).where(User.subject == name))).one_or_none()
    query = select(User).where(or_(found, User.subject == name)).order_by(found.desc()).limit(1)
    return (await tx.scalars(query)).one_or_none()


async def put(tx: AsyncSession, user_id: UUID, limits: Mapping[str, Any] | None) -> None:
    """Sets the limits of an account, whole; None: as everybody's."""
    values = {"limits": limits or None}
    await tx.execute(
        update(User).where(User.id == user_id).values(values), execution_options={"synchronize_session": False}
    )
