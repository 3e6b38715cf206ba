"""Sessions with trees of messages, planted directly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat.conversation import placement
from chat.scope import Scope
from db import branches, messages, sessions
from db.models import Branch, MemberRole, Membership, Message, MessageRole, MessageStatus, Session


@dataclass
class Tree:
    """A session's messages, known by what they follow alone."""

    session_id: UUID
    parents: dict[UUID, UUID | None] = field(default_factory=dict)
    branch: dict[UUID, int] = field(default_factory=dict)

    def path(self, message_id: UUID) -> list[UUID]:
        """The naive walk from the root to a message."""
        return list(self._up(message_id))[::-1]

    def _up(self, message_id: UUID | None) -> Iterator[UUID]:
        while message_id is not None:
            yield message_id
            message_id = self.parents[message_id]

    @property
    def paths(self) -> Mapping[int, Sequence[UUID]]:
        """The path of each branch: that of the message that came to it last."""
        return {branch: self.path(message_id) for message_id, branch in self.branch.items()}


async def plant(scope: Scope, follows: Sequence[int | None]) -> Tree:
    """A session of the viewer's with one message for each item: the index of the one that it follows, if any."""
    async with scope.process.db.system() as tx:
        session = await ground(tx, scope.viewer.id)
        tree = Tree(session.id)
        for index in follows:
            parent_id = None if index is None else list(tree.parents)[index]
            locked = await sessions.advance(tx, session.id)
            assert locked is not None
            place = await placement.under(tx, locked, parent_id)
            message = said(session.id, place.branch, place.depth, parent_id)
            await messages.add(tx, message)
            tree.parents[message.id], tree.branch[message.id] = parent_id, place.branch
    return tree


async def ground(tx: AsyncSession, user_id: UUID) -> Session:
    """An empty session of a user's."""
    session = Session(id=uuid7(), owner_id=user_id)
    return await sessions.add(tx, session, Membership(session_id=session.id, user_id=user_id, role=MemberRole.OWNER))


def said(session_id: UUID, branch: int, depth: int, parent_id: UUID | None) -> Message:
    """A message at a place."""
    return Message(
        id=uuid7(),
        session_id=session_id,
        parent_id=parent_id,
        branch=branch,
        depth=depth,
        role=MessageRole.USER,
        status=MessageStatus.COMPLETE,
    )


async def grow(
    tx: AsyncSession, session_id: UUID, origin: Branch | None, number: int, depth: int, count: int
) -> Branch:
    """Adds a branch of `count` messages that leaves the path of `origin` at `depth`."""
    if number == 0:
        branch = await branches.get(tx, session_id, 0)
        assert branch is not None
    else:
        branch = await branches.fork(tx, origin, session_id, number, depth)
    tx.add_all(said(session_id, number, depth + step, None) for step in range(count))
    await tx.flush()
    return branch
