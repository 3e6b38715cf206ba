"""How many sessions a member has with an agent at once: those that are not archived."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from chat.refusals import QuotaExceeded
from db import memberships, owned, users
from db.models import Agent, WhenFull


async def make_room(tx: AsyncSession, user_id: UUID, agent_id: UUID | None, session_id: UUID | None = None) -> None:
    """Sees that one more session with this agent may be active; `session_id` is one that does not count.

    The agent says whether the one that has been quiet for longest is archived for it, or nothing more is let in.

    Raises:
        QuotaExceeded: there are as many as the agent allows, and it archives none.
    """
    agent = None if agent_id is None else await owned.get(tx, Agent, agent_id)
    if agent is None or agent.active_sessions is None:
        return
    await users.advance(tx, user_id, 0)  # from here on nobody else begins one for this member
    active = [each for each in await memberships.active(tx, user_id, agent.id) if each != session_id]
    surplus = len(active) + 1 - agent.active_sessions
    if surplus <= 0:
        return
    if agent.when_full is WhenFull.REJECT:
        reason = f"You have {len(active)} active sessions with {agent.name}, which is all it allows. Archive one first."
        raise QuotaExceeded(reason, limit=agent.active_sessions, used=len(active))
    await _archive(tx, user_id, active[:surplus])


async def _archive(tx: AsyncSession, user_id: UUID, session_ids: Sequence[UUID]) -> None:
    last = await users.advance(tx, user_id, len(session_ids))
    for seq, session_id in enumerate(session_ids, start=last - len(session_ids) + 1):
        await memberships.change(tx, session_id, user_id, seq, {"archived_at": func.now()})
