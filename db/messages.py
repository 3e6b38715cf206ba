"""Messages: the nodes of a session's tree, read along one path of it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import rows
from db.branches import on_path
from db.models import Branch, Message
from db.page import Page, Span
from db.reader import Reader, Statement


async def add(tx: AsyncSession, *messages: Message) -> None:
    """Stores new messages, parents first.

    Raises:
        sqlalchemy.exc.IntegrityError: an id is taken.
    """
    for message in messages:
        tx.add(message)
        await tx.flush()


async def get(tx: AsyncSession, message_id: UUID) -> Message | None:
    """The message, deleted or not, if the transaction may see it."""
    return await tx.get(Message, message_id)


async def of_ids(tx: AsyncSession, message_ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """Those of the messages that exist."""
    query = select(Message).where(Message.id.in_(message_ids), Message.deleted_at.is_(None))
    return {message.id: message for message in await tx.scalars(query)}


_LOOK_UP = Statement.of(
    f"""
    SELECT {rows.MESSAGE_COLUMNS} FROM messages AS message
    WHERE message.id = ANY ($2::uuid[]) AND message.deleted_at IS NULL
    """,
    rows.Message,
)


async def looked_up(reader: Reader, message_ids: Sequence[UUID]) -> Sequence[rows.Message]:
    """Those of the messages that exist and that the reader's viewer may see, with their journals."""
    return await reader.all(_LOOK_UP, message_ids)


async def tip(tx: AsyncSession, session_id: UUID, branch: int) -> Message | None:
    """The deepest message of a branch; None where the branch is empty."""
    query = (
        select(Message)
        .where(Message.session_id == session_id, Message.branch == branch)
        .order_by(Message.depth.desc())
        .limit(1)
    )
    return (await tx.scalars(query)).one_or_none()


async def depth(tx: AsyncSession, session_id: UUID, branch: int) -> int:
    """How many messages the path of a branch has."""
    query = (
        select(Message.depth)
        .where(Message.session_id == session_id, Message.branch == branch)
        .order_by(Message.depth.desc())
        .limit(1)
    )
    deepest = (await tx.scalars(query)).one_or_none()
    return 0 if deepest is None else deepest + 1


async def continues(tx: AsyncSession, message: Message) -> bool:
    """Whether the message's branch goes on after it."""
    query = select(Message.id).where(
        Message.session_id == message.session_id,
        Message.branch == message.branch,
        Message.depth == message.depth + 1,
    )
    return (await tx.scalars(query)).one_or_none() is not None


async def page(tx: AsyncSession, branch: Branch, span: Span[int]) -> Page[Message]:
    """The messages of a branch's path in order; the key is the depth. Costs what the page holds, not the path."""
    end = await depth(tx, branch.session_id, branch.number)
    low = 0 if span.after is None else max(0, min(span.after + 1, end))
    high = end if span.before is None else max(0, min(span.before, end))
    if span.backward:
        low = max(low, high - span.limit)
    else:
        high = min(high, low + span.limit)
    rows = await path(tx, branch, range(low, high))
    return Page(rows, has_previous=low > 0, has_next=high < end)


async def path(tx: AsyncSession, branch: Branch, depths: range) -> Sequence[Message]:
    """The messages of these depths on a branch's path, the root's side first."""
    if not depths:
        return []
    return (await tx.scalars(select(Message).where(on_path(branch, depths)).order_by(Message.depth))).all()


async def change(tx: AsyncSession, message_id: UUID, seq: int, values: Mapping[str, Any]) -> Message:
    """Sets fields of a message."""
    query = update(Message).where(Message.id == message_id).values(seq=seq, **values).returning(Message)
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one()


async def children(tx: AsyncSession, message_ids: Sequence[UUID]) -> Sequence[Message]:
    """Every message whose parent is one of these, deleted or not."""
    return (await tx.scalars(select(Message).where(Message.parent_id.in_(message_ids)))).all()


async def lift(tx: AsyncSession, message_ids: Sequence[UUID]) -> None:
    """Takes messages off their places, so that others can have them; give each a new depth in the same transaction."""
    query = update(Message).where(Message.id.in_(message_ids)).values(depth=-1 - Message.depth)
    await tx.execute(query, execution_options={"synchronize_session": False})


async def changed(tx: AsyncSession, session_id: UUID, after: int, limit: int) -> Sequence[Message]:
    """What changed after a number of the session scope, deletions included, in that order."""
    query = (
        select(Message).where(Message.session_id == session_id, Message.seq > after).order_by(Message.seq).limit(limit)
    )
    return (await tx.scalars(query)).all()
