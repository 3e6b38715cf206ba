"""The same change to many sessions at once. Each session's is a transaction of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from chat import sessions, trash
from chat.personal import NOTHING, Personal
from chat.refusals import InvalidInput, Refusal
from chat.scope import Repeated, Scope

MOST = 100
"""Sessions of one call."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed: fields as `sessions.edit` takes them, or whether the sessions are deleted."""

    links: Mapping[str, UUID | None] = field(default_factory=dict)
    personal: Personal = NOTHING
    deleted: bool | None = None


async def update(scope: Scope, session_ids: Sequence[UUID], change: Change) -> Mapping[UUID, Refusal | None]:
    """Changes sessions, each by itself: one that is refused leaves the others done. None where it is not refused.

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
    return {session_id: await _one(_part(scope, session_id), session_id, change) for session_id in session_ids}


def _part(scope: Scope, session_id: UUID) -> Scope:
    """The scope of one session's change, which has a receipt of its own under the key."""
    return scope if scope.once is None else replace(scope, once=replace(scope.once, part=str(session_id)))


async def _one(scope: Scope, session_id: UUID, change: Change) -> Refusal | None:
    try:
        if change.deleted is None:
            await sessions.edit(scope, session_id, links=change.links, personal=change.personal)
        elif change.deleted:
            await sessions.delete(scope, session_id)
        else:
            await trash.restore(scope, session_id)
    except Repeated:
        return None
    except Refusal as refused:
        return refused
    return None
