"""Sessions of the local user, planted directly: thousands of them in a second."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from db.models import (
    Branch,
    Executor,
    MemberRole,
    Membership,
    Message,
    MessageRole,
    MessageStatus,
    Run,
    RunStatus,
    Session,
    TitleSource,
    User,
)

WORDS = "A page of what was said in this session, long enough to be the answer to a question that people ask. " * 3


@dataclass(frozen=True, slots=True)
class Written:
    """A session, with the reply that is being written in it if there is one."""

    session_id: UUID
    run_id: UUID
    message_id: UUID


async def plant(tx: AsyncSession, user_id: UUID, count: int, history: int, *, flying: bool) -> list[Written]:
    """So many sessions, each with `history` messages, and if they are `flying` with a reply that nobody writes."""
    made = [Written(uuid7(), uuid7(), uuid7()) for _ in range(count)]
    head = await tx.scalar(
        sa.update(User).values(head=User.head + count).where(User.id == user_id).returning(User.head)
    )
    assert head is not None
    length = history + flying
    for each in made:
        tx.add(
            Session(
                id=each.session_id,
                owner_id=user_id,
                title="A session",
                title_source=TitleSource.PERSON,
                head=length + 1,
                message_count=length,
            )
        )
    await tx.flush()
    for place, each in enumerate(made):
        tx.add(Membership(session_id=each.session_id, user_id=user_id, role=MemberRole.OWNER, seq=head - place))
        tx.add(Branch(session_id=each.session_id, number=0, lineage=[0], starts=[0]))
    await tx.flush()
    said = [message for each in made for message in _messages(each.session_id, history)]
    if said:
        await tx.execute(sa.insert(Message), said)
    if flying:
        for each in made:
            tx.add(
                Message(
                    id=each.message_id,
                    session_id=each.session_id,
                    branch=0,
                    depth=history,
                    role=MessageRole.ASSISTANT,
                    status=MessageStatus.STREAMING,
                    run_id=each.run_id,
                    seq=length,
                )
            )
        await tx.flush()
        for each in made:
            tx.add(
                Run(
                    id=each.run_id,
                    session_id=each.session_id,
                    message_id=each.message_id,
                    status=RunStatus.RUNNING,
                    executor=Executor.APP,
                    position=0,
                    epoch=1,
                    producer="bench",
                    lease_until=datetime.now(UTC) + timedelta(hours=12),
                    seq=length + 1,
                )
            )
    return made


def _messages(session_id: UUID, count: int) -> list[dict[str, object]]:
    return [
        {
            "id": uuid7(),
            "session_id": session_id,
            "branch": 0,
            "depth": depth,
            "role": MessageRole.ASSISTANT if depth % 2 else MessageRole.USER,
            "status": MessageStatus.COMPLETE,
            "parts": [{"kind": "text", "text": WORDS}],
            "content": WORDS,
            "seq": depth + 1,
        }
        for depth in range(count)
    ]
