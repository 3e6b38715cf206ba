"""The same change to many sessions at once. Each session's is a transaction of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from chat.conversation import sessions
from chat.conversation.member_fields import NOTHING, Personal
from chat.refusals import InvalidInput
from chat.removal import trash
from chat.scope import Repeated, Scope

MOST = 100
"""Sessions of one call."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed: fields as `sessions.edit` takes them, or whether the sessions are deleted."""

    links: Mapping[str, UUID | None] = field(default_factory=dict)
    personal: Personal = NOTHING
    deleted: bool | None = None


class Late(Exception):
    """There was no time left for it."""


type Outcome = Exception | None
"""Why a session did not change: a `Refusal`, or whatever its change failed of; None where it did."""


async def update(
    scope: Scope, session_ids: Sequence[UUID], change: Change, *, patience: float = 20.0
) -> dict[UUID, Outcome]:
    """Changes sessions, each by itself: one that is refused, or fails, leaves the others done.

    What it has not come to within `patience` seconds is not done, and is `Late`.

    Repeated with the same key, it changes what it did not come to, or was refused, and nothing twice.

    Raises:
        InvalidInput: there are too many, they are deleted and changed at once, or another mutation had the key.
    """
    if len(session_ids) > MOST:
        raise InvalidInput("ids", f"Change at most {MOST} sessions at once.")
    if change.deleted is not None and (change.links or change.personal):
        raise InvalidInput("deleted", "Delete or restore sessions by itself, without other changes.")
    try:
        async with scope.write():  # the key is for this call, whatever becomes of it
            pass
    except Repeated:
        pass
    until = asyncio.get_running_loop().time() + patience
    return {
        session_id: await _attempt(_part(scope, session_id), session_id, change, until) for session_id in session_ids
    }


def _part(scope: Scope, session_id: UUID) -> Scope:
    """The scope of one session's change, which has a receipt of its own under the key."""
    return scope if scope.once is None else replace(scope, once=replace(scope.once, part=str(session_id)))


async def _attempt(scope: Scope, session_id: UUID, change: Change, until: float) -> Outcome:
    if until <= asyncio.get_running_loop().time():
        return Late()
    limit = asyncio.timeout_at(until)
    try:
        async with limit:
            await _one(scope, session_id, change)
    except Exception as error:
        return Late() if limit.expired() else error
    return None


async def _one(scope: Scope, session_id: UUID, change: Change) -> None:
    try:
        if change.deleted is None:
            await sessions.edit(scope, session_id, links=change.links, personal=change.personal)
        elif change.deleted:
            await sessions.delete(scope, session_id)
        else:
            await trash.restore(scope, session_id)
    except Repeated:
        pass
