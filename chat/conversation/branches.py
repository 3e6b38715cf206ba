"""Branches: which one a member sees, and what stands beside a message."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chat.conversation import messages, sessions
from chat.conversation.messages import PathKey
from chat.conversation.sessions import Seen
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope, made
from db import branches, memberships, rows, users
from db.models import Message
from db.page import Page, Span
from sync import channels


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages along a path, and which branch's path that is."""

    page: Page[Message | rows.Message]
    branch: int


async def choose(scope: Scope, session_id: UUID, message_id: UUID | None) -> Seen:
    """Has the viewer see the path through a message, down to the newest leaf below it, in all windows of theirs.

    Without a message, they see the branch that was written to last again, whichever that is.

    Raises:
        NotFound: there is no such session for the viewer, or no such message in it.
    """
    async with scope.write() as tx:
        made(tx, session=session_id)
        session, member = await sessions.seen(tx, scope, session_id)
        place = None
        if message_id is not None:
            place = await branches.newest_through(tx, session_id, message_id)
            if place is None:
                raise NotFound("message")
        chosen = None if place is None else place.branch
        seq = await users.advance(tx, scope.viewer.id, 0)  # from here on nobody else changes the membership
        member = await memberships.get(tx, session_id, scope.viewer.id) or member
        if member.branch != chosen:
            seq = await users.advance(tx, scope.viewer.id)
            member = await memberships.change(tx, session_id, scope.viewer.id, seq, {"branch": chosen})
    sessions.ring_members(scope.process, {scope.viewer.id: seq})
    channels.chosen(scope.process.bus, session_id, scope.viewer.id)
    return session, member


async def through(scope: Scope, session_id: UUID, message_id: UUID) -> int:
    """The branch whose path goes through a message, down to the newest leaf below it.

    Raises:
        InvalidInput: there is no such message in the session.
    """
    place = await branches.through(scope.reader, session_id, message_id, seen_first=False)
    if place is None:
        raise InvalidInput("throughId", "There is no such message in this session.")
    return place.branch


async def around(scope: Scope, session_id: UUID, message_id: UUID, before: int, after: int) -> Stretch | None:
    """A message with so many others before and after it, along the path that the viewer sees.

    Where that does not go through the message, along the path down to the newest leaf below it. None: there is no such
    message in the session.
    """
    place = await branches.through(scope.reader, session_id, message_id, seen_first=True)
    if place is None:
        return None
    first = max(0, place.depth - before)
    span = Span(place.depth + after + 1 - first, after=PathKey(place.branch, first - 1))
    page, branch = await messages.page(scope, session_id, span)
    return Stretch(page, branch)


type Leaf = tuple[UUID, int]
"""A session, and a branch of it."""


async def leaves(scope: Scope, asked: Sequence[Leaf]) -> Sequence[UUID | None]:
    """The last message of each branch, in the order in which they are asked for; None where it is empty."""
    found = await branches.leaves(scope.reader, asked)
    return [found.get(each) for each in asked]


type Family = tuple[UUID, UUID | None]
"""What follows a message of a session, or what begins the session."""


async def siblings(scope: Scope, families: Sequence[Family]) -> Sequence[Sequence[UUID]]:
    """The ids of the messages of each family in the order of creation, in the order in which they are asked for."""
    found = await branches.siblings(scope.reader, families)
    return [found.get(family, ()) for family in families]
