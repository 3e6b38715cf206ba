"""Turns: a path as questions, each with what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chat.conversation import messages
from chat.conversation.messages import PathKey
from chat.scope import Scope
from db import paths, rows
from db.models import Message, MessageRole
from db.page import Page, Span

AT_ONCE = 200
"""Messages that one read takes at most."""

type Row = Message | rows.Message


@dataclass(frozen=True, slots=True)
class Turn:
    """A person's message, and what follows it up to the next one; without it, what precedes the first one."""

    question: Row | None
    answers: list[Row]

    @property
    def first(self) -> int:
        """The depth of its first message."""
        return (self.answers[0] if self.question is None else self.question).depth

    @property
    def stop(self) -> int:
        """The depth after its last message."""
        return self.first + (self.question is not None) + len(self.answers)


@dataclass(frozen=True, slots=True)
class TurnKey:
    """A turn on the path of a branch: the depths `first` to `stop` held its messages when it was read."""

    branch: int
    first: int
    stop: int


async def page(
    scope: Scope, session_id: UUID, span: Span[TurnKey], *, branch: int | None = None
) -> tuple[Page[Turn], int]:
    """Turns along one path, and which branch that is; as `messages.page`, and at the cost of what the page holds.

    Raises:
        NotFound: there is no such session for the viewer.
        InvalidInput: the keys are of another path.
    """
    branch = messages.branch_of(span, branch)
    if span.backward:
        return await _last(scope, session_id, span, branch)
    return await _first(scope, session_id, span, branch)


async def _first(scope: Scope, session_id: UUID, span: Span[TurnKey], branch: int | None) -> tuple[Page[Turn], int]:
    first = 0 if span.after is None else span.after.stop
    stop = None if span.before is None else span.before.first
    read: list[Row] = []
    turns: list[Turn] = []
    goes_on = True
    while goes_on and len(turns) <= span.limit:
        between = Span(_enough(span), after=first + len(read) - 1, before=stop)
        more, branch = await _read(scope, session_id, between, branch)
        read += more.rows
        turns = _turns(read, whole=span.after is None)
        goes_on = more.has_next and len(more.rows) == between.limit
    taken = turns[: span.limit]
    has_next = len(turns) > span.limit or span.before is not None
    assert branch is not None
    return Page(taken, has_previous=_precedes(taken, span), has_next=has_next), branch


async def _last(scope: Scope, session_id: UUID, span: Span[TurnKey], branch: int | None) -> tuple[Page[Turn], int]:
    first = 0 if span.after is None else span.after.stop
    stop = None if span.before is None else span.before.first
    read: list[Row] = []
    goes_on = True
    while goes_on and sum(message.role is MessageRole.USER for message in read) < span.limit:
        between = Span(_enough(span), after=first - 1, before=read[0].depth if read else stop, backward=True)
        more, branch = await _read(scope, session_id, between, branch)
        read = [*more.rows, *read]
        goes_on = len(more.rows) == between.limit and read[0].depth > first
    taken = _turns(read, whole=span.after is None and not goes_on)[-span.limit :]
    assert branch is not None
    return Page(taken, has_previous=_precedes(taken, span), has_next=span.before is not None), branch


def _enough(span: Span[TurnKey]) -> int:
    """Messages for as many turns as are wanted and the next question, if each is a question and its answer."""
    return min(2 * span.limit + 1, AT_ONCE)


def _precedes(taken: Sequence[Turn], span: Span[TurnKey]) -> bool:
    return taken[0].first > 0 if taken else span.after is not None


async def _read(
    scope: Scope, session_id: UUID, between: Span[int], branch: int | None
) -> tuple[Page[Message | rows.Message], int]:
    def key(depth: int | None) -> PathKey | None:
        return None if depth is None or branch is None else PathKey(branch, depth)

    span = Span(between.limit, after=key(between.after), before=key(between.before), backward=between.backward)
    return await messages.page(scope, session_id, span)


def _turns(read: Sequence[Row], *, whole: bool) -> list[Turn]:
    """The turns that messages make. What precedes the first question is a turn if the path begins there (`whole`)."""
    turns: list[Turn] = []
    for message in read:
        if message.role is MessageRole.USER or (whole and not turns):
            is_question = message.role is MessageRole.USER
            turns.append(Turn(message if is_question else None, [] if is_question else [message]))
        elif turns:
            turns[-1].answers.append(message)
    return turns


async def count(scope: Scope, session_id: UUID, branch: int) -> int:
    """How many turns the path of a branch has."""
    return await paths.turns(scope.reader, session_id, branch)
