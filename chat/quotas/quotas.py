"""Quotas and rates: how much an account may have, and how often it may do something.

What is there is counted in PostgreSQL, under a lock of the account's own, so that calls at the same time cannot get
past a quota together. What happened is counted in Redis (`pubsub.rates`). Where nothing is limited, nobody is asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from chat.policy import NOTHING, Allowance
from chat.quotas import effective, sizes
from chat.quotas.effective import Allowed
from chat.refusals import QuotaExceeded
from chat.scope import Scope
from db import quotas
from db.models import Message
from pubsub.rates import Rate, Use

KILOBYTE = 1_000


async def claim(
    tx: AsyncSession,
    scope: Scope,
    *,
    message: Message | None = None,
    sessions: int = 0,
    runs: int = 0,
    on: UUID | None = None,
    agent_id: UUID | None = None,
    template_id: UUID | None = None,
) -> None:
    """Sees that the viewer may make a message, sessions or runs, before any row is locked.

    The agent that is asked is the given one, or that of what `on` names (a session, a message in one, or a run), or of
    the template that a session begins with. A message may be no larger than `chat.quotas.sizes` says, either.

    Raises:
        InvalidInput: the message is too large.
        QuotaExceeded: there are as many as there may be, or there were in the last minute.
    """
    allows = await effective.of(tx, scope, agent_id=agent_id, on=on, template_id=template_id)
    if allows.account == NOTHING and not allows.agent:
        return
    if message is not None:
        sizes.within(allows, text=message.content, metadata=message.meta)
    await _have_room(tx, scope.viewer.id, allows.account, message, sessions, runs)
    made = {"messages": message is not None, "sessions": sessions > 0, "runs": runs > 0}
    rates = [*_rates(allows.account, scope.viewer.id), *_agents_rates(allows, scope.viewer.id)]
    wanted = [rate for rate in rates if made[rate.what]]
    counted = scope.process.allowances.rates
    if counted is not None and (full := await counted.take(wanted)) is not None:
        raise _too_often(full, allows)


async def have_back(tx: AsyncSession, scope: Scope) -> None:
    """Sees that the viewer may have one more session, that was made earlier, before any row is locked.

    Raises:
        QuotaExceeded: there are as many as there may be.
    """
    await _have_room(tx, scope.viewer.id, (await effective.of(tx, scope)).account, None, sessions=1, runs=0)


async def weigh(tx: AsyncSession, scope: Scope) -> int:
    """Bytes that the viewer has stored, if there is a limit, for a `fit` after the change; before any row is locked."""
    if (await effective.of(tx, scope)).account.kilobytes is None:
        return 0
    await quotas.lock(tx, scope.viewer.id)
    return await quotas.stored_bytes(tx)


async def fit(tx: AsyncSession, scope: Scope, earlier: int = 0) -> None:
    """Sees that what the viewer has stored now is no more than it may be, or than `earlier`.

    It comes after `weigh`, or after `claim` or `have_back` of a session.

    Raises:
        QuotaExceeded: it is more.
    """
    most = (await effective.of(tx, scope)).account.kilobytes
    if most is not None and (stored := await quotas.stored_bytes(tx)) > max(most * KILOBYTE, earlier):
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


def _agents_rates(allows: Allowed, user_id: UUID) -> Sequence[Rate]:
    of = (str(user_id), str(allows.agent_id))
    limits = {what: allows.agent.get(f"{what}_per_minute") for what in ("messages", "runs")}
    return [Rate(what, limit, of) for what, limit in limits.items() if limit]


def _too_often(full: Use, allows: Allowed) -> QuotaExceeded:
    done, toward = _DONE[full.rate.what]
    whom = f" {toward} {allows.agent_name}" if len(full.rate.of) > 1 else ""
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
    if effective.special(scope):
        async with scope.tx() as tx:
            limit = (await effective.of(tx, scope)).account.windows
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


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit that holds for the viewer, and how much of it is used."""

    limit: int
    used: int | None
    """None while it cannot be counted."""
    reset_at: datetime | None = None
    """When there will be more room again by itself, if something is used and ever."""


async def standing(scope: Scope) -> Mapping[str, Standing]:
    """The limits of what is counted that hold for the viewer, by the names of `Allowance`."""
    allowances, user_id = scope.process.allowances, scope.viewer.id
    held: dict[str, Standing] = {}
    async with scope.tx() as tx:
        allowance = (await effective.of(tx, scope)).account
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
