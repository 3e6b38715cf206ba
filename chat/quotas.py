"""Quotas and rates: how much an account may have, and how often it may do something.

What is there is counted in PostgreSQL, under a lock of the account's own, so that calls at the same time cannot get
past a quota together. What happened is counted in Redis (`pubsub.rates`). Where nothing is limited, nobody is asked.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from chat.allowances import NOTHING, Allowance
from chat.refusals import QuotaExceeded
from chat.scope import Scope
from db import quotas
from db import runs as run_rows
from db.failures import transient
from db.models import Message
from db.quotas import Found
from pubsub.rates import Rate, Use

if TYPE_CHECKING:
    from chat.sessions import NewSession

LOOK = 5.0
"""Seconds between two looks for limits that somebody has set, as long as there are none."""
KILOBYTE = 1_000
_UNSET = Found({}, None, "", {})


async def claim(
    tx: AsyncSession,
    scope: Scope,
    *,
    message: Message | None = None,
    sessions: int = 0,
    runs: int = 0,
    on: "UUID | NewSession | None" = None,
    agent_id: UUID | None = None,
    run_id: UUID | None = None,
) -> None:
    """Sees that the viewer may make a message, sessions or runs, before any row is locked.

    The agent that is asked is the given one, or that of what `on` names: a session, a message in one, or a run. A run
    of the id `run_id` that is there already is free.

    Raises:
        QuotaExceeded: there are as many as there may be, or there were in the last minute.
    """
    allowances = scope.process.allowances
    found = _UNSET
    if await _special(scope):
        agent_id, named = (agent_id, on) if on is None or isinstance(on, UUID) else (on.agent_id, on.id)
        found = await quotas.of(tx, scope.viewer.id, agent_id, named)
    allowance = allowances.default.but(found.account)
    if allowance == NOTHING and not found.agent:
        return
    if run_id is not None and await run_rows.get(tx, run_id) is not None:
        return
    await _have_room(tx, scope.viewer.id, allowance, message, sessions, runs)
    made = {"messages": message is not None, "sessions": sessions > 0, "runs": runs > 0}
    rates = [*_rates(allowance, scope.viewer.id), *_agents_rates(found, scope.viewer.id)]
    wanted = [rate for rate in rates if made[rate.what]]
    if allowances.rates is not None and (full := await allowances.rates.take(wanted)) is not None:
        raise _too_often(full, found)


async def have_back(tx: AsyncSession, scope: Scope) -> None:
    """Sees that the viewer may have one more session, that was made earlier, before any row is locked.

    Raises:
        QuotaExceeded: there are as many as there may be.
    """
    await _have_room(tx, scope.viewer.id, await _allowance(tx, scope), None, sessions=1, runs=0)


async def fit(tx: AsyncSession, scope: Scope) -> None:
    """Sees that what the viewer has now is no more than it may be, after `claim` or `have_back` of a session.

    Raises:
        QuotaExceeded: it is.
    """
    most = (await _allowance(tx, scope)).kilobytes
    if most is not None and (stored := await quotas.stored_bytes(tx)) > most * KILOBYTE:
        raise _no_room(most, stored)


async def _have_room(
    tx: AsyncSession, user_id: UUID, allowance: Allowance, message: Message | None, sessions: int, runs: int
) -> None:
    most_sessions = allowance.sessions if sessions else None
    most_runs = allowance.active_runs if runs else None
    if most_sessions is most_runs is allowance.kilobytes is None:
        return
    await quotas.lock(tx, user_id)
    if most_sessions is not None and (used := await quotas.sessions(tx, user_id)) + sessions > most_sessions:
        reason = f"You have as many sessions as you may ({most_sessions:,}). Delete one first."
        raise QuotaExceeded(reason, limit=most_sessions, used=used)
    if most_runs is not None and (used := await quotas.active_runs(tx, user_id)) + runs > most_runs:
        reason = f"As many replies are on their way to you as may be ({most_runs:,}). Wait for one, or stop one."
        raise QuotaExceeded(reason, limit=most_runs, used=used)
    if allowance.kilobytes is not None and (runs or message is not None):
        stored = await quotas.stored_bytes(tx)
        if stored + (1 if message is None else _size(message)) > allowance.kilobytes * KILOBYTE:
            raise _no_room(allowance.kilobytes, stored)


def _no_room(most: int, stored: int) -> QuotaExceeded:
    reason = "There is no room for this. Delete sessions or messages that you do not need any more."
    return QuotaExceeded(reason, limit=most, used=_kilobytes(stored))


def _size(message: Message) -> int:
    """Bytes of what is stored of a message: PostgreSQL writes JSON with a space behind each comma and colon."""
    return sum(len(orjson.dumps(value)) + _spaces(value) for value in (message.parts, message.meta))


def _spaces(value: object) -> int:
    match value:
        case dict():
            return max(0, 2 * len(value) - 1) + sum(map(_spaces, value.values()))
        case list():
            return max(0, len(value) - 1) + sum(map(_spaces, value))
        case _:
            return 0


def _kilobytes(stored: int) -> int:
    return -(-stored // KILOBYTE)


def _rates(allowance: Allowance, user_id: UUID) -> Sequence[Rate]:
    limits = {
        "messages": allowance.messages_per_minute,
        "sessions": allowance.sessions_per_minute,
        "runs": allowance.runs_per_minute,
    }
    return [Rate(what, limit, (str(user_id),)) for what, limit in limits.items() if limit is not None]


def _agents_rates(found: Found, user_id: UUID) -> Sequence[Rate]:
    of = (str(user_id), str(found.agent_id))
    limits = {what: found.agent.get(f"{what}_per_minute") for what in ("messages", "runs")}
    return [Rate(what, limit, of) for what, limit in limits.items() if limit]


def _too_often(full: Use, found: Found) -> QuotaExceeded:
    done, toward = _DONE[full.rate.what]
    whom = f" {toward} {found.agent_name}" if len(full.rate.of) > 1 else ""
    reason = f"You {done}{whom} more often than you may. Try again at {full.reset_at:%H:%M:%S} UTC."
    return QuotaExceeded(reason, limit=full.rate.limit, used=full.used, reset_at=full.reset_at)


_DONE = {"messages": ("send messages", "to"), "sessions": ("begin sessions", ""), "runs": ("ask for replies", "by")}


async def open_window(scope: Scope) -> Callable[[], None] | None:
    """Counts one more window of the viewer's at this process; returns what counts it off again, if anything is counted.

    Raises:
        QuotaExceeded: there are as many as there may be.
    """
    allowances, user_id = scope.process.allowances, scope.viewer.id
    limit = allowances.default.windows
    if await _special(scope):
        async with scope.tx() as tx:
            limit = (await _allowance(tx, scope)).windows
    if limit is None:
        return None
    windows = allowances.windows
    used = windows.get(user_id, 0)
    if used >= limit:
        reason = f"You have as many windows open as you may ({limit:,}). Close one first."
        raise QuotaExceeded(reason, limit=limit, used=used)
    windows[user_id] = used + 1

    def closed() -> None:
        windows[user_id] -= 1
        if not windows[user_id]:
            del windows[user_id]

    return closed


async def _special(scope: Scope) -> bool:
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


async def _allowance(tx: AsyncSession, scope: Scope) -> Allowance:
    allowances = scope.process.allowances
    if not await _special(scope):
        return allowances.default
    return allowances.default.but((await quotas.of(tx, scope.viewer.id)).account)


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit that holds for the viewer, and how much of it is used."""

    limit: int
    used: int | None
    """None while it cannot be counted."""
    reset_at: datetime | None = None
    """When there will be more room again by itself, if something is used and ever."""


async def standing(scope: Scope) -> Mapping[str, Standing]:
    """The limits that hold for the viewer, by the names of `Allowance`."""
    allowances, user_id = scope.process.allowances, scope.viewer.id
    held: dict[str, Standing] = {}
    async with scope.tx() as tx:
        allowance = await _allowance(tx, scope)
        if allowance.sessions is not None:
            held["sessions"] = Standing(allowance.sessions, await quotas.sessions(tx, user_id))
        if allowance.active_runs is not None:
            held["active_runs"] = Standing(allowance.active_runs, await quotas.active_runs(tx, user_id))
        if allowance.kilobytes is not None:
            await quotas.lock(tx, user_id)
            held["kilobytes"] = Standing(allowance.kilobytes, _kilobytes(await quotas.stored_bytes(tx)))
    if allowance.windows is not None:
        held["windows"] = Standing(allowance.windows, allowances.windows.get(user_id, 0))
    rates = _rates(allowance, user_id)
    uses = None if allowances.rates is None or not rates else await allowances.rates.uses(rates)
    for number, rate in enumerate(rates):
        use = None if uses is None else uses[number]
        reset_at = use.reset_at if use is not None and use.used else None
        held[f"{rate.what}_per_minute"] = Standing(rate.limit, None if use is None else use.used, reset_at)
    return held
