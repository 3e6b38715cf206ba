"""What people set on a message that is said: reactions, feedback, and annotations of it or of a range of its text.

All of it stands in the message's row, so that whoever reads a message has it, and windows hear of it as of any other
change:

    reactions    {emoji: [user, …]}, in the order in which they came
    feedback     {user: {rating, comment, at}}
    annotations  [{id, user, text, at, part, start, end}, …]; without the last three, of the whole message
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import validation
from chat.conversation import locks, sessions
from chat.library import nodes
from chat.refusals import IdTaken, InvalidInput, NotAllowed
from chat.same import SAME, Same
from chat.scope import Scope, made
from db import memberships, texts
from db import messages as message_rows
from db import sessions as session_rows
from db.models import Json, MemberRole, Membership, Message, MessageStatus
from sync import in_flight, parts

LONGEST_EMOJI = 32
"""Characters of a reaction; an emoji may be made of many."""
MOST_EMOJIS = 50
"""Different reactions to one message."""
COMMENT = 2_000
"""Characters of a comment on feedback."""
_PLACE = ("part", "start", "end")
MOST_ANNOTATIONS = 200
"""Annotations of one message."""
ANNOTATION = 5_000
"""Characters of an annotation."""


class Rating(StrEnum):
    """What somebody thinks of a message."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Range:
    """A range of the text of a part, in UTF-16 code units."""

    part: int
    start: int
    end: int


async def react(scope: Scope, message_id: UUID, emoji: str, *, on: bool) -> Message:
    """Sets one of the viewer's reactions to a message, or takes it away.

    Raises:
        NotFound, NotAllowed: there is no such message for the viewer, or they may only read the session.
        InvalidInput: it cannot be a reaction, or there are too many.
    """
    emoji, user = validation.short("emoji", texts.composed(emoji), LONGEST_EMOJI), str(scope.viewer.id)

    def change(message: Message, _: Membership) -> Json:
        reactions: dict[str, list[str]] = {**message.marks.get("reactions", {})}
        others = [each for each in reactions.pop(emoji, []) if each != user]
        if on and not others and len(reactions) >= MOST_EMOJIS:
            raise InvalidInput("emoji", f"A message has at most {MOST_EMOJIS} different reactions. Join one of them.")
        if on and user in message.marks.get("reactions", {}).get(emoji, []):
            return message.marks
        if now := [*others, user] if on else others:
            reactions[emoji] = now
        return _with(message, "reactions", reactions)

    return await _mark(scope, message_id, change)


async def rate(
    scope: Scope,
    message_id: UUID,
    rating: Rating | Literal[Same.SAME] | None = SAME,
    comment: str | Literal[Same.SAME] | None = SAME,
) -> Message:
    """Sets what the viewer thinks of a message. A rating of None takes all of it back, a comment of None the comment.

    Raises:
        NotFound, NotAllowed: see `react`.
        InvalidInput: the comment is too long, or has no rating.
    """
    note = comment if comment is SAME else validation.note("comment", comment, COMMENT)
    user = str(scope.viewer.id)

    def change(message: Message, _: Membership) -> Json:
        feedback: Json = {**message.marks.get("feedback", {})}
        earlier = feedback.pop(user, None) or {"rating": None, "comment": None}
        said = {
            "rating": earlier["rating"] if rating is SAME else None if rating is None else rating.value,
            "comment": note if note is not SAME else None if rating is None else earlier["comment"],
        }
        if said["rating"] is None and said["comment"] is not None:
            raise InvalidInput("comment", "A comment needs a rating.")
        if said["rating"] is not None:
            is_same = said.items() <= earlier.items()
            feedback[user] = earlier if is_same else {**said, "at": _now()}
        return _with(message, "feedback", feedback)

    return await _mark(scope, message_id, change)


async def annotate(
    scope: Scope,
    message_id: UUID,
    text: str,
    *,
    annotation_id: UUID | None = None,
    at: Range | Literal[Same.SAME] | None = SAME,
) -> Message:
    """Adds an annotation to a message, or to a range of its text; with the id of one of the viewer's, says it anew.

    An annotation that is said anew is about what it was about, unless `at` says otherwise: None is the whole message.

    Raises:
        NotFound, NotAllowed: see `react`.
        InvalidInput: the text or the range cannot be used, or there are too many.
        IdTaken: the id belongs to something else, such as somebody else's annotation, or one of another message.
    """
    text, user = validation.short("text", text, ANNOTATION), str(scope.viewer.id)
    id, is_new = str(annotation_id or uuid7()), True

    async def claim(tx: AsyncSession) -> None:
        nonlocal is_new
        is_new = annotation_id is None or await nodes.claim(tx, "annotation", annotation_id)

    def change(message: Message, _: Membership) -> Json:
        annotations: list[Json] = [*message.marks.get("annotations", [])]
        place = _checked(message, at) if isinstance(at, Range) else {}
        said = {"id": id, "user": user, "text": text, "at": _now(), **place}
        for index, each in enumerate(annotations):
            if each["id"] == id:
                if each["user"] != user:
                    raise IdTaken("id")
                if at is SAME:
                    said |= {name: each[name] for name in _PLACE if name in each}
                annotations[index] = each if {**each, "at": said["at"]} == said else said
                return _with(message, "annotations", annotations)
        if not is_new:
            raise IdTaken("id")
        if len(annotations) >= MOST_ANNOTATIONS:
            raise InvalidInput("messageId", f"A message has at most {MOST_ANNOTATIONS} annotations. Remove one first.")
        return _with(message, "annotations", [*annotations, said])

    return await _mark(scope, message_id, change, first=claim)


async def remove_annotation(scope: Scope, message_id: UUID, annotation_id: UUID) -> Message:
    """Takes an annotation away. One that is gone stays gone.

    Raises:
        NotFound, NotAllowed: see `react`; or it is somebody else's, and the viewer does not own the session.
    """
    user, id = str(scope.viewer.id), str(annotation_id)

    def change(message: Message, member: Membership) -> Json:
        annotations: list[Json] = message.marks.get("annotations", [])
        if member.role is not MemberRole.OWNER and any(
            each["id"] == id and each["user"] != user for each in annotations
        ):
            raise NotAllowed("Only who wrote an annotation, or the owner of the session, can take it away.")
        return _with(message, "annotations", [each for each in annotations if each["id"] != id])

    return await _mark(scope, message_id, change)


def _checked(message: Message, at: Range) -> Json:
    if message.status in (MessageStatus.PENDING, MessageStatus.STREAMING):
        raise InvalidInput("range", "The message is still being written. Wait for its end.")
    part = message.parts[at.part] if 0 <= at.part < len(message.parts) else {}
    if not 0 <= at.start < at.end <= parts.length(part.get("text", "")):
        raise InvalidInput(
            "range", "There is no such range of text. It is counted in UTF-16 code units, as browsers do."
        )
    return {"part": at.part, "start": at.start, "end": at.end}


def _with(message: Message, kind: str, marks: Any) -> Json:
    """The marks of a message with these of one kind, and without what is empty."""
    changed = {**message.marks, kind: marks}
    return {name: each for name, each in changed.items() if each}


def _now() -> str:
    return datetime.now(UTC).isoformat()


async def _mark(
    scope: Scope,
    message_id: UUID,
    change: Callable[[Message, Membership], Json],
    *,
    first: Callable[[AsyncSession], Awaitable[None]] | None = None,
) -> Message:
    """Changes the marks of a message, under its session's lock. What comes `first` is done before that is taken."""
    async with scope.write() as tx:
        made(tx, message=message_id)
        message = await locks.said(tx, message_id)
        if first is not None:
            await first(tx)
        session, member = await locks.message(tx, scope, message)
        marks = change(message, member)
        if marks == message.marks:
            await in_flight.show(tx, message)
            return message
        session = await session_rows.advance(tx, message.session_id) or session
        message = await message_rows.change(tx, message_id, session.head, {"marks": marks})
        heads = await memberships.touch(tx, session.id)  # what is unread is counted by the numbers of messages
        await in_flight.show(tx, message)
    sessions.ring(scope.process, session)
    sessions.ring_members(scope.process, heads)
    return message
