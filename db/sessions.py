"""Sessions, and the counter of the session scope."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import rows, statements, weights
from db.models import Branch, Membership, Session
from db.reader import Reader, Statement
from db.statements import Columns

ALIVE = Session.deleted_at.is_(None)


async def add(tx: AsyncSession, session: Session, owner: Membership) -> Session:
    """Stores a new session with its first branch and its owner's membership.

    Raises:
        sqlalchemy.exc.IntegrityError: its id, or the owner's external id, is taken.
    """
    tx.add(session)
    await tx.flush()
    tx.add(owner)
    await tx.flush()  # row security lets only members add a branch
    tx.add(Branch(session_id=session.id, number=0, lineage=[0], starts=[0]))
    await tx.flush()
    return session


async def get(tx: AsyncSession, session_id: UUID) -> Session | None:
    """The session, deleted or not, if the transaction may see it."""
    return await tx.get(Session, session_id)


_COLUMNS, _MEMBER = Columns(Session, "session"), Columns(Membership, "member")

_WITH_MEMBERSHIP = f"""
    SELECT {_COLUMNS.sql}, {_MEMBER.sql}
    FROM sessions AS session JOIN memberships AS member ON member.session_id = session.id
    WHERE session.id = $1 AND session.deleted_at IS NULL AND member.user_id = $2
"""


async def with_membership(tx: AsyncSession, session_id: UUID, user_id: UUID) -> tuple[Session, Membership] | None:
    """A session that is not deleted, as this member sees it."""
    found = await statements.first(tx, _WITH_MEMBERSHIP, session_id, user_id)
    return None if found is None else (_COLUMNS.row(found), _MEMBER.row(found, len(_COLUMNS)))


_OF_IDS = Statement.of(
    f"""
    SELECT {rows.SEEN_COLUMNS}
    FROM sessions AS session JOIN memberships AS member ON member.session_id = session.id AND member.user_id = $1
    WHERE session.id = ANY ($2::uuid[]) AND session.deleted_at IS NULL
    """,
    rows.Seen,
)


async def of_ids(reader: Reader, session_ids: Sequence[UUID]) -> Mapping[UUID, rows.Seen]:
    """Those of the sessions that exist, as the reader's viewer sees them."""
    found = await reader.all(_OF_IDS, session_ids)
    weights.count(found)
    return {row.id: row for row in found}


async def advance(
    tx: AsyncSession,
    session_id: UUID,
    count: int = 1,
    *,
    where: Sequence[ColumnElement[bool]] = (ALIVE,),
    **values: Any,
) -> Session | None:
    """Takes `count` numbers of the session scope and sets fields; `head` is then the last number.

    The row stays locked to the commit. None where the session is not to be seen or not as `where` says, by default:
    where it is deleted.
    """
    query = (
        update(Session)
        .where(Session.id == session_id, *where)
        .values(head=Session.head + count, **values)
        .returning(Session)
    )
    options = {"synchronize_session": False, "populate_existing": True}
    return (await tx.scalars(query, execution_options=options)).one_or_none()


_STEP = "UPDATE sessions SET head = head + $2 WHERE id = $1 AND deleted_at IS NULL RETURNING head"


async def step(tx: AsyncSession, session_id: UUID, count: int) -> int | None:
    """As `advance`, for whoever needs nothing of the session but `head`."""
    stepped = await statements.first(tx, _STEP, session_id, count)
    return None if stepped is None else int(stepped[0])


_TAKE = f"""
    UPDATE sessions AS session SET
        head = head + $2, message_count = message_count + $3, current_branch = coalesce($4, current_branch)
    WHERE id = $1 AND deleted_at IS NULL RETURNING {_COLUMNS.sql}
"""

_SAY = f"""
    UPDATE sessions AS session SET
        head = head + 1, message_count = message_count + 1, last_message_preview = $2,
        last_activity_at = clock_timestamp(),
        title = CASE title_source WHEN 'none' THEN $3 ELSE title END,
        title_source = CASE title_source WHEN 'none' THEN 'first_words' ELSE title_source END
    WHERE id = $1 AND deleted_at IS NULL RETURNING {_COLUMNS.sql}
"""


async def take(tx: AsyncSession, session: Session, count: int, *, messages: int = 0, branch: int | None = None) -> bool:
    """As `advance`, for a session that gets new messages; the object says then how the session is. False: it is not.

    `branch` is the one that is written to last from now on.
    """
    taken = await statements.first(tx, _TAKE, session.id, count, messages, branch)
    if taken is not None:
        _COLUMNS.refresh(session, taken)
    return taken is not None


async def say(tx: AsyncSession, session: Session, preview: str, title: str) -> bool:
    """As `take`, for one message that a person has written just now; `title` is for a session that has none yet."""
    taken = await statements.first(tx, _SAY, session.id, preview, title)
    if taken is not None:
        _COLUMNS.refresh(session, taken)
    return taken is not None


async def heads(tx: AsyncSession, session_ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, int]]:
    """Where each of the session scopes stands: its epoch, and the last number taken in it."""
    query = select(Session.id, Session.epoch, Session.head).where(Session.id.in_(session_ids))
    return {session_id: (epoch, head) for session_id, epoch, head in await tx.execute(query)}
