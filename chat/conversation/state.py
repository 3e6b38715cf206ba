"""What clients share of a session: JSON by key, such as an app's open panels or running activities."""

from uuid import UUID

import orjson

from chat import validation
from chat.conversation import locks, sessions
from chat.conversation.sessions import Seen
from chat.refusals import InvalidInput
from chat.scope import Scope, made
from db import memberships
from db import sessions as session_rows

LARGEST = 64 * 1024
"""Bytes of a session's state as JSON."""


async def set_values(scope: Scope, session_id: UUID, values: object) -> Seen:
    """Sets some keys; null takes one away, the others stay. Of two that set the same key, the later one wins.

    Raises:
        NotFound, NotAllowed: there is no such session for the viewer, or they may only read it.
        InvalidInput: it is no JSON object, or the state would be too large.
    """
    given = validation.metadata("values", values)
    async with scope.write() as tx:
        made(tx, session=session_id)
        session = await locks.session(tx, scope, session_id)
        state = {key: value for key, value in {**session.state, **given}.items() if value is not None}
        if (size := len(orjson.dumps(state))) > LARGEST:
            raise InvalidInput(
                "values", f"A session's state has at most {LARGEST:,} bytes as JSON; it would have {size:,}."
            )
        if state == session.state:
            return await sessions.seen(tx, scope, session_id)
        await session_rows.advance(tx, session_id, 0, state=state)
        heads = await memberships.touch(tx, session_id)
        found = await sessions.seen(tx, scope, session_id)
    sessions.ring_members(scope.process, heads)
    return found
