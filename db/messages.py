"""Messages: the nodes of a session's tree, read along one path of it."""

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from itertools import takewhile
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import paths, rows, statements, weights
from db.models import Message, MessageRole
from db.reader import Reader, Statement
from db.statements import Columns

OPENING = 51
"""Messages that a session can begin with: what a template says, and its instructions."""

_COLUMNS = Columns(Message, "message")
_READ = f"SELECT {_COLUMNS.sql} FROM messages AS message WHERE id = $1"


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


async def read(tx: AsyncSession, message_id: UUID) -> Message | None:
    """The same as an object that nobody watches: for whoever only reads it."""
    found = await statements.first(tx, _READ, message_id)
    return None if found is None else _COLUMNS.row(found)


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
_PATH_PART = f"{paths.OF_BRANCH} SELECT {_COLUMNS.sql} FROM {paths.MESSAGES} ORDER BY message.depth"
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


async def path(tx: AsyncSession, session_id: UUID, number: int, depths: range) -> Sequence[Message]:
    """The messages of these depths on a branch's path, the root's side first; nobody watches the objects."""
    found = await statements.fetch(tx, _PATH_PART, session_id, number, depths.start, depths.stop)
    return [_COLUMNS.row(row) for row in found]


# A copy of a reply has no run.
_BEGAN = f"""
    depth < {OPENING} AND run_id IS NULL AND finish_reason IS NULL AND created_at = (
        SELECT root.created_at FROM page JOIN messages AS root
            ON root.session_id = page.id AND root.branch = page.lineage[1] AND root.depth = 0
    )
"""
LASTS = f"(role = 'system' OR {_BEGAN})"
"""Whether a message of a path (after `paths.OF_BRANCH`) is told to every model: the system says it, or the session
began with it."""

UNFINISHED = "message.status IN ('pending', 'streaming')"
"""Whether a message is still being written."""

_IN_SEGMENT = "session_id = segments.id AND branch = segments.branch AND depth >= low AND depth < high"
_LASTING = f"""
    {paths.OF_BRANCH}
    SELECT {_COLUMNS.sql} FROM segments CROSS JOIN LATERAL (
        (SELECT * FROM messages WHERE {_IN_SEGMENT} AND role = 'system')
        UNION ALL
        (SELECT * FROM messages WHERE {_IN_SEGMENT} AND role <> 'system' AND {_BEGAN})
    ) AS message
    ORDER BY message.depth
"""


async def lasting(tx: AsyncSession, session_id: UUID, number: int, depth: int) -> Sequence[Message]:
    """Of the messages before a depth on a branch's path: what the system says, and what the session began with."""
    found = [_COLUMNS.row(row) for row in await statements.fetch(tx, _LASTING, session_id, number, 0, depth)]
    questions = unanswered([message.role for message in found])
    return [message for place, message in enumerate(found) if place not in questions]


def unanswered(roles: Sequence[MessageRole]) -> Set[int]:
    """The places of the questions at the end of what lasts: they do not, because their answers do not."""
    spoken = [place for place, role in enumerate(roles) if role is not MessageRole.SYSTEM]
    return set(takewhile(lambda place: roles[place] is MessageRole.USER, reversed(spoken)))


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
