"""What is changed under the lock of a session's row, which holds to the commit: nobody else changes it meanwhile."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import sessions
from chat.conversation.sessions import Seen
from chat.refusals import NotFound
from chat.scope import Scope
from db import messages, runs
from db import sessions as session_rows
from db.models import Message, Run, Session


async def session(tx: AsyncSession, scope: Scope, session_id: UUID) -> Session:
    """A session that the viewer may write to.

    Raises:
        NotFound: there is no such session for the viewer.
        NotAllowed: the viewer may only read it.
    """
    await sessions.writable(tx, scope, session_id)
    locked = await session_rows.advance(tx, session_id, 0)
    if locked is None:
        raise NotFound("session")
    return locked


async def said(tx: AsyncSession, message_id: UUID) -> Message:
    """A message that nobody has deleted yet; `message` then keeps it so.

    Raises:
        NotFound: there is no such message for the viewer.
    """
    found = await messages.get(tx, message_id)
    if found is None or found.is_withdrawn:
        raise NotFound("message")
    return found


async def message(tx: AsyncSession, scope: Scope, found: Message) -> Seen:
    """The session of a message that the viewer may write to; the object then says how the message is.

    Raises:
        NotFound: there is no such message for the viewer any more.
        NotAllowed: the viewer may only read the session.
    """
    _, member = await sessions.writable(tx, scope, found.session_id, "message")
    locked = await session_rows.advance(tx, found.session_id, 0)
    if locked is None:
        raise NotFound("message")
    await tx.refresh(found)
    if found.is_withdrawn:
        raise NotFound("message")
    return locked, member


async def run(tx: AsyncSession, scope: Scope, run_id: UUID) -> tuple[Seen, Run]:
    """A run in a session that the viewer may write to, and that session.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
    """
    found = await runs.get(tx, run_id)
    if found is None:
        raise NotFound("run")
    _, member = await sessions.writable(tx, scope, found.session_id, "run")
    locked = await session_rows.advance(tx, found.session_id, 0)
    found = await runs.current(tx, run_id)
    if locked is None or found is None:
        raise NotFound("run")
    return (locked, member), found
