"""What holds for the viewer: the settings, what an operator has set for the account, and what an agent allows."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.policy import Allowance
from chat.scope import Scope
from db import quotas
from db.failures import transient
from db.quotas import Limits

LOOK = 5.0
"""Seconds between two looks for limits that somebody has set, as long as there are none."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The limits for an account, and those of an agent that it asks."""

    account: Allowance
    agent: Limits
    """By their names; empty if it has none, or none is asked."""
    agent_id: UUID | None = None
    agent_name: str = ""


async def of(
    tx: AsyncSession,
    scope: Scope,
    *,
    agent_id: UUID | None = None,
    on: UUID | None = None,
    template_id: UUID | None = None,
) -> Allowed:
    """What holds for the viewer, and with an agent: see `db.quotas.of`."""
    default = scope.process.allowances.default
    if not special(scope):
        return Allowed(default, {})
    found = await quotas.of(tx, scope.viewer.id, agent_id, on, template_id)
    return Allowed(default.but(found.account), found.agent, found.agent_id, found.agent_name)


def special(scope: Scope) -> bool:
    """Whether somebody may have set limits for an account or an agent; where not, nobody had five seconds ago.

    It is looked up beside, on a connection of its own: who asks may hold a transaction, and must not wait for another.
    """
    allowances, now = scope.process.allowances, asyncio.get_running_loop().time()
    if allowances.special or (allowances.looked_at is not None and now - allowances.looked_at < LOOK):
        return allowances.special
    if not allowances.looking:
        allowances.looking = True
        scope.process.jobs.start(_look(scope), "looking for limits")
    return True


async def _look(scope: Scope) -> None:
    allowances, began = scope.process.allowances, asyncio.get_running_loop().time()
    try:
        allowances.special = await quotas.any_set(scope.process.db.readers)
        allowances.looked_at = began
    except Exception as error:
        if not transient(error):
            raise
    finally:
        allowances.looking = False
