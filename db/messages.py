"""Messages: the nodes of a session's tree, read along one path of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import paths, rows, statements, weights
from db.branches import on_path
from db.models import Branch, Message, MessageRole
from db.reader import Reader, Statement
from db.statements import Columns

OPENING = 51
"""Messages that a session can begin with: what a template says, and its instructions."""

_COLUMNS = Columns(Message, "message")


async def add(tx: AsyncSession, *messages: Message) -> None:
    """Stores new messages, parents first; the objects then say what is stored.

    Raises:
        sqlalchemy.exc.IntegrityError: an id is taken.
    """
    for message in messages:
        await _COLUMNS.insert(tx, message)


async def get(tx: AsyncSession, message_id: UUID) -> Message | None:
    """The message, deleted or not, if the transaction may see it."""
    return await tx.get(Message, message_id)


async def of_ids(tx: AsyncSession, message_ids: Sequence[UUID]) -> Mapping[UUID, Message]:
    """Those of the messages that exist."""
    query = select(Message).where(Message.id.in_(message_ids), Message.deleted_at.is_(None))
    return {message.id: message for message in await tx.scalars(query)}


_LOOK_UP = Statement.of(
    f"""
    SELECT {rows.LIGHT_COLUMNS} FROM messages AS message JOIN sessions ON sessions.id = message.session_id
    WHERE message.id = ANY ($2::uuid[]) AND message.deleted_at IS NULL AND sessions.deleted_at IS NULL
    """,
    rows.Message,
)


async def looked_up(reader: Reader, message_ids: Sequence[UUID]) -> Sequence[rows.Message]:
    """Those of the messages that exist and that the reader's viewer may see, with their journals."""
    return await weights.whole(reader, await reader.all(_LOOK_UP, message_ids))


class Tip(NamedTuple):
    """The deepest message of a branch."""

    id: UUID
    depth: int
    gone: bool
    """Whether it is shown no more."""


_TIP = """
    SELECT id, depth, deleted_at IS NOT NULL FROM messages
    WHERE session_id = $1 AND branch = $2 ORDER BY depth DESC LIMIT 1
"""
_PATH = f"WITH seen AS MATERIALIZED (SELECT $1::uuid AS id, $2::int AS number), {paths.PATH}"
_LENGTH = f"{_PATH} SELECT length FROM path"
_LAST = f"""
    {_PATH}, page AS MATERIALIZED (SELECT path.*, greatest(0, length - 1) AS first, length AS stop FROM path),
    {paths.SEGMENTS} SELECT message.id FROM {paths.MESSAGES}
"""
_AT = "SELECT FROM messages WHERE session_id = $1 AND branch = $2 AND depth = $3"


async def tip(tx: AsyncSession, session_id: UUID, branch: int) -> Tip | None:
    """The deepest message of a branch; None where the branch is empty."""
    found = await statements.first(tx, _TIP, session_id, branch)
    return None if found is None else Tip(*found)


async def depth(tx: AsyncSession, session_id: UUID, branch: int) -> int:
    """How many messages the path of a branch has, as far as it is shown."""
    found = await statements.first(tx, _LENGTH, session_id, branch)
    return 0 if found is None else int(found[0])


async def last(tx: AsyncSession, session_id: UUID, branch: int) -> Message | None:
    """The last message that is shown of a branch's path."""
    found = await statements.first(tx, _LAST, session_id, branch)
    return None if found is None else await get(tx, found[0])


async def continues(tx: AsyncSession, message: Message) -> bool:
    """Whether the message's branch goes on after it."""
    return await statements.first(tx, _AT, message.session_id, message.branch, message.depth + 1) is not None


async def count_shown(tx: AsyncSession, message_ids: Sequence[UUID]) -> int:
    """How many of the messages are there and say what they said: nobody has deleted them."""
    alive = (Message.deleted_at.is_(None), Message.withdrawn_at.is_(None))
    return (await tx.scalars(select(func.count()).where(Message.id.in_(message_ids), *alive))).one()


async def is_younger(tx: AsyncSession, message_id: UUID, age: timedelta) -> bool:
    """Whether a message was stored less than so long ago, by the clock of the database."""
    query = select(Message.id).where(Message.id == message_id, Message.created_at > func.now() - age)
    return (await tx.scalars(query)).one_or_none() is not None


async def path(tx: AsyncSession, branch: Branch, depths: range) -> Sequence[Message]:
    """The messages of these depths on a branch's path, the root's side first."""
    if not depths:
        return []
    return (await tx.scalars(select(Message).where(on_path(branch, depths)).order_by(Message.depth))).all()


def lasts(branch: Branch) -> ColumnElement[bool]:
    """Whether a message on a branch's path is told to every model: the system says it, or the session began with it."""
    first = select(Message.created_at).where(on_path(branch, range(1))).scalar_subquery()
    no_model = Message.run_id.is_(None) & Message.finish_reason.is_(None)  # a copy of a reply has no run
    return (Message.role == MessageRole.SYSTEM) | and_(Message.depth < OPENING, Message.created_at == first, no_model)


async def lasting(tx: AsyncSession, branch: Branch, depth: int) -> Sequence[Message]:
    """Of the messages before a depth on a branch's path: what the system says, and what the session began with."""
    query = select(Message).where(on_path(branch, range(depth)), lasts(branch))
    return (await tx.scalars(query.order_by(Message.depth))).all()


async def change(tx: AsyncSession, message_id: UUID, seq: int, values: Mapping[str, Any]) -> Message:
    """Sets fields of a message."""
    query = update(Message).where(Message.id == message_id).values(seq=seq, **values).returning(Message)
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one()


_BEGIN = "UPDATE messages SET seq = $2, status = 'streaming', finish_reason = NULL WHERE id = $1"


async def begin(tx: AsyncSession, message_id: UUID, seq: int) -> None:
    """Says that a run writes into a message from now on."""
    await statements.fetch(tx, _BEGIN, message_id, seq)


async def children(tx: AsyncSession, message_ids: Sequence[UUID]) -> Sequence[Message]:
    """Every message whose parent is one of these, deleted or not."""
    return (await tx.scalars(select(Message).where(Message.parent_id.in_(message_ids)))).all()


async def lift(tx: AsyncSession, message_ids: Sequence[UUID]) -> None:
    """Takes messages off their places, so that others can have them; give each a new depth in the same transaction."""
    query = update(Message).where(Message.id.in_(message_ids)).values(depth=-1 - Message.depth)
    await tx.execute(query, execution_options={"synchronize_session": False})
