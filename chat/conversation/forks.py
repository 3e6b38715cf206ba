"""Forks: a conversation, or a part of it, copied into a session of one's own."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat import references
from chat.conversation import sessions
from chat.conversation.sessions import NewSession, Seen
from chat.quotas import quotas
from chat.refusals import NotFound
from chat.scope import Scope, made
from db import branches, forks, memberships, messages
from db import sessions as session_rows
from db.forks import Copied, ForkInclude
from db.models import Json, Session, TitleSource
from sync import in_flight, parts

_CUT_OFF = "This copy was made before there was a result."


async def fork(
    scope: Scope,
    session_id: UUID,
    message_id: UUID,
    include: ForkInclude = ForkInclude.PATH,
    *,
    new_id: UUID | None = None,
    title: str | None = None,
) -> Seen:
    """Makes a session of the viewer's own with copies of another one's messages: of the path up to a message, or more.

    The viewer sees the copy of that path. The new session has the same agent, project and metadata, as far as the
    viewer has them, and the same title unless another is given. What is being written is copied as it is now, as
    interrupted. With a client-made id, doing it again returns what the first call made.

    Raises:
        NotFound: there is no such session for the viewer, or no such message in it.
        InvalidInput: the title cannot be used.
        IdTaken: the id belongs to something else.
        QuotaExceeded: there are as many sessions as there may be, or there is no room for the copies.
    """
    new = NewSession(id=new_id, title=title)
    written = await _written(scope, session_id)
    async with scope.write() as tx:
        if new_id is not None:
            found = await sessions.existing(tx, scope, new_id, forked_from=session_id)
            if found is not None:
                made(tx, session=new_id)
                return found
        source, _ = await sessions.seen(tx, scope, session_id)
        message = await messages.get(tx, message_id)
        place = await branches.newest_through(tx, session_id, message_id)
        if message is None or message.is_withdrawn or place is None:
            raise NotFound("message")
        begun, member = await sessions.begin(tx, scope, await _like(tx, source, new))
        made(tx, session=begun.id)
        copied = await forks.copy(tx, session_id, begun.id, message_id, place, include, written)
        await quotas.fit(tx, scope)
        filled = await _filled(tx, begun, source, copied, message_id)
        read = {"read_seq": copied.messages}
        member = await memberships.change(tx, begun.id, scope.viewer.id, member.seq, read)
    sessions.ring_members(scope.process, {scope.viewer.id: member.seq})
    return filled, member


async def _written(scope: Scope, session_id: UUID) -> dict[UUID, tuple[list[Json], str]]:
    """Parts and content of what is being written: as it is now, and valid to go on from."""
    found = {}
    for row in await forks.flying(scope.reader, session_id):
        whole = [dict(part) for part in in_flight.whole(row).parts]
        parts.close(whole, _CUT_OFF)
        found[row.id] = (whole, parts.content(whole))
    return found


async def _like(tx: AsyncSession, source: Session, new: NewSession) -> NewSession:
    """The new session with what the viewer has of the other one's links."""
    return NewSession(
        id=new.id,
        title=new.title,
        agent_id=await references.kept(tx, "agent", source.agent_id),
        project_id=await references.kept(tx, "project", source.project_id),
        metadata=source.meta,
    )


async def _filled(tx: AsyncSession, begun: Session, source: Session, copied: Copied, message_id: UUID) -> Session:
    """The new session's row, when it has got its messages."""
    last = await messages.get(tx, copied.message_id)
    place = await branches.newest_through(tx, begun.id, copied.message_id)
    assert last is not None
    assert place is not None
    values: dict[str, Any] = {
        "message_count": copied.alive,
        "last_message_preview": parts.preview(last.content) or None,
        "last_branch": copied.last_branch,
        "current_branch": place.branch,
        "forked_session_id": source.id,
        "forked_message_id": message_id,
    }
    if begun.title_source is TitleSource.NONE:
        values |= {"title": source.title, "title_source": source.title_source}
    filled = await session_rows.advance(tx, begun.id, copied.messages, **values)
    assert filled is not None
    return filled
