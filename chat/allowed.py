"""What holds for the viewer: the settings, what an operator has set for the account, and what an agent allows."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.allowances import Allowance
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
    if not await special(scope):
        return Allowed(default, {})
    found = await quotas.of(tx, scope.viewer.id, agent_id, on, template_id)
    return Allowed(default.but(found.account), found.agent, found.agent_id, found.agent_name)


async def special(scope: Scope) -> bool:
    """Whether somebody has set limits for an account or an agent: up to five seconds ago, where nobody had."""
    allowances, now = scope.process.allowances, asyncio.get_running_loop().time()
    if not allowances.special and (allowances.looked_at is None or now - allowances.looked_at >= LOOK):
        allowances.looked_at = now
        try:
            allowances.special = await quotas.any_set(scope.process.db.readers)
        except Exception as error:
            if not transient(error):
                raise
    return allowances.special
