"""Reactions, feedback and annotations: set by members, shown with the message, live in every window."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from chat.conversation import annotations, messages, sessions
from chat.conversation.annotations import Range, Rating
from chat.conversation.sessions import NewSession
from chat.refusals import IdTaken, InvalidInput, NotAllowed, NotFound
from chat.scope import Scope
from chat.subscriptions import streams
from db.models import MemberRole
from sync.events import MessageChanged, SessionEvent
from sync.subscriber import Window
from tests.chat.conftest import answer, join
from tests.organising.conftest import heard
from tests.sync.talk import caught_up


async def said(scope: Scope, text: str = "The \U0001fa9f is open") -> tuple[UUID, UUID]:
    """A session with one message."""
    posted = await messages.post(scope, NewSession(), text)
    return posted.seen[0].id, posted.message.id


async def marks(scope: Scope, message_id: UUID) -> dict[str, Any]:
    """What is set on a message, as somebody reads it."""
    (row,) = await messages.of_ids(scope, [message_id])
    assert row is not None
    return dict(row.marks)


@asynccontextmanager
async def opened(session_id: UUID, *scopes: Scope) -> AsyncIterator[list[Window[SessionEvent]]]:
    """A window of each viewer on a session, that is caught up."""
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(streams.session(scope, session_id, None)) for scope in scopes]
        for window in found:
            await caught_up(window)
        yield found


async def hear(told: list[Window[SessionEvent]], wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Returns when all these windows have been told of such marks."""
    for window in told:
        await heard(window, MessageChanged, lambda event: wanted(event.row.marks))


async def test_every_window_of_every_member_sees_a_reaction(patient: Scope, elsewhere: Scope, stranger: Scope) -> None:
    """0-74, 2-62."""
    other, me = replace(stranger, process=elsewhere.process), str(patient.viewer.id)
    session_id, message_id = await said(patient)
    await join(other, session_id, MemberRole.WRITER)
    async with opened(session_id, patient, elsewhere, other) as all_:
        await annotations.react(other, message_id, "👍", on=True)
        await hear(all_, lambda marks: marks == {"reactions": {"👍": [str(other.viewer.id)]}})
        await annotations.rate(patient, message_id, Rating.GOOD, "Well said")
        await hear(all_, lambda marks: list(marks.get("feedback", {})) == [me])
        await annotations.react(other, message_id, "👍", on=False)
        await hear(all_, lambda marks: list(marks) == ["feedback"])
        await annotations.rate(patient, message_id, None)
        await hear(all_, lambda marks: marks == {})


async def test_every_window_of_every_member_sees_annotations(patient: Scope, elsewhere: Scope, stranger: Scope) -> None:
    """0-74, 2-62."""
    other, note = replace(stranger, process=elsewhere.process), uuid4()
    session_id, message_id = await said(patient)
    await join(other, session_id, MemberRole.WRITER)

    def reads(*texts: str) -> Callable[[dict[str, Any]], bool]:
        return lambda marks: [each["text"] for each in marks.get("annotations", [])] == [*texts]

    async with opened(session_id, patient, elsewhere, other) as all_:
        await annotations.annotate(other, message_id, "Which one?", annotation_id=note, at=Range(0, 4, 6))
        await hear(all_, reads("Which one?"))
        await annotations.annotate(patient, message_id, "All of it")
        await hear(all_, reads("Which one?", "All of it"))
        await annotations.annotate(other, message_id, "That one.", annotation_id=note)
        await hear(all_, reads("That one.", "All of it"))
        await annotations.remove_annotation(patient, message_id, note)
        await hear(all_, reads("All of it"))


async def test_reactions_are_a_set_for_each_member_and_emoji(scope: Scope, stranger: Scope) -> None:
    """0-74, 2-62."""
    session_id, message_id = await said(scope)
    await join(stranger, session_id, MemberRole.WRITER)
    me, them = str(scope.viewer.id), str(stranger.viewer.id)
    first = await annotations.react(scope, message_id, " 👍 ", on=True)
    again = await annotations.react(scope, message_id, "👍", on=True)
    assert again.seq == first.seq, "What is so already tells nobody anything."
    await annotations.react(stranger, message_id, "👍", on=True)
    await annotations.react(scope, message_id, "🎉", on=True)
    assert await marks(scope, message_id) == {"reactions": {"👍": [me, them], "🎉": [me]}}
    await annotations.react(scope, message_id, "👍", on=False)
    await annotations.react(scope, message_id, "🎉", on=False)
    await annotations.react(scope, message_id, "🤷", on=False)
    assert await marks(scope, message_id) == {"reactions": {"👍": [them]}}


async def test_simultaneous_reactions_all_count(scope: Scope) -> None:
    _, message_id = await said(scope)
    emojis = [chr(0x1F600 + number) for number in range(12)]
    await asyncio.gather(*(annotations.react(scope, message_id, emoji, on=True) for emoji in emojis))
    assert set((await marks(scope, message_id))["reactions"]) == set(emojis)


async def test_feedback_is_one_for_each_member(scope: Scope) -> None:
    _, message_id = await said(scope)
    me = str(scope.viewer.id)
    await annotations.rate(scope, message_id, Rating.BAD, "Too long")
    at = (await marks(scope, message_id))["feedback"][me]["at"]
    await annotations.rate(scope, message_id, Rating.BAD, "Too long")
    assert (await marks(scope, message_id))["feedback"] == {me: {"rating": "bad", "comment": "Too long", "at": at}}
    await annotations.rate(scope, message_id, None)
    assert await marks(scope, message_id) == {}


async def test_of_feedback_what_is_left_out_stays(scope: Scope) -> None:
    _, message_id = await said(scope)
    me = str(scope.viewer.id)

    async def now() -> tuple[str, str | None] | None:
        found = (await marks(scope, message_id)).get("feedback", {}).get(me)
        return found and (found["rating"], found["comment"])

    with pytest.raises(InvalidInput):
        await annotations.rate(scope, message_id, comment="A comment on nothing")
    await annotations.rate(scope, message_id, Rating.BAD, "Too long")
    await annotations.rate(scope, message_id, Rating.GOOD)
    assert await now() == ("good", "Too long")
    await annotations.rate(scope, message_id, comment="Just right")
    assert await now() == ("good", "Just right")
    await annotations.rate(scope, message_id)
    assert await now() == ("good", "Just right")
    await annotations.rate(scope, message_id, comment=None)
    assert await now() == ("good", None)
    await annotations.rate(scope, message_id, comment="Again")
    with pytest.raises(InvalidInput):
        await annotations.rate(scope, message_id, None, "A comment on nothing")
    assert await now() == ("good", "Again")
    await annotations.rate(scope, message_id, None)
    assert await now() is None


async def test_a_range_of_text_is_annotated_and_said_anew(scope: Scope) -> None:
    """0-74, 2-62."""
    _, message_id = await said(scope)
    note = uuid4()
    await annotations.annotate(scope, message_id, "Which one?", annotation_id=note, at=Range(0, 4, 6))
    await annotations.annotate(scope, message_id, "All of it")
    first, second = (await marks(scope, message_id))["annotations"]
    assert (first["id"], first["text"]) == (str(note), "Which one?")
    assert (first["part"], first["start"], first["end"]) == (0, 4, 6)
    assert (second["text"], "part" in second) == ("All of it", False)
    await annotations.annotate(scope, message_id, "That one.", annotation_id=note)
    first, _ = (await marks(scope, message_id))["annotations"]
    assert (first["text"], first["part"], first["start"], first["end"]) == ("That one.", 0, 4, 6)
    await annotations.annotate(scope, message_id, "That one.", annotation_id=note, at=None)
    first, _ = (await marks(scope, message_id))["annotations"]
    assert (first["text"], "part" in first) == ("That one.", False)
    await annotations.remove_annotation(scope, message_id, note)
    await annotations.remove_annotation(scope, message_id, note)
    assert [each["text"] for each in (await marks(scope, message_id))["annotations"]] == ["All of it"]


@pytest.mark.parametrize("at", [Range(0, 3, 3), Range(0, 5, 4), Range(0, -1, 2), Range(0, 0, 15), Range(1, 0, 1)])
async def test_a_range_that_is_not_there_is_refused(scope: Scope, at: Range) -> None:
    _, message_id = await said(scope)
    with pytest.raises(InvalidInput) as refused:
        await annotations.annotate(scope, message_id, "Where?", at=at)
    assert refused.value.field == "range"


async def test_whose_an_annotation_is(scope: Scope, stranger: Scope) -> None:
    session_id, message_id = await said(scope)
    await join(stranger, session_id, MemberRole.WRITER)
    mine, theirs = uuid4(), uuid4()
    await annotations.annotate(scope, message_id, "Mine", annotation_id=mine)
    await annotations.annotate(stranger, message_id, "Theirs", annotation_id=theirs)
    with pytest.raises(IdTaken):
        await annotations.annotate(stranger, message_id, "Not theirs", annotation_id=mine)
    with pytest.raises(NotAllowed):
        await annotations.remove_annotation(stranger, message_id, mine)
    await annotations.remove_annotation(scope, message_id, theirs)
    assert [each["text"] for each in (await marks(scope, message_id))["annotations"]] == ["Mine"]


async def test_nobody_else_sees_or_sets_anything(scope: Scope, stranger: Scope) -> None:
    _, message_id = await said(scope)
    await annotations.react(scope, message_id, "👍", on=True)
    assert await messages.of_ids(stranger, [message_id]) == [None]
    for attempt in (
        annotations.react(stranger, message_id, "👎", on=True),
        annotations.rate(stranger, message_id, Rating.BAD),
        annotations.annotate(stranger, message_id, "Hm"),
        annotations.remove_annotation(stranger, message_id, uuid4()),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await marks(scope, message_id) == {"reactions": {"👍": [str(scope.viewer.id)]}}


async def test_who_may_only_read_marks_nothing(scope: Scope, stranger: Scope) -> None:
    session_id, message_id = await said(scope)
    await join(stranger, session_id, MemberRole.READER)
    with pytest.raises(NotAllowed):
        await annotations.react(stranger, message_id, "👍", on=True)


@pytest.mark.parametrize("emoji", ["", "  ", "x" * 33])
async def test_what_is_no_reaction_is_refused(scope: Scope, emoji: str) -> None:
    _, message_id = await said(scope)
    with pytest.raises(InvalidInput):
        await annotations.react(scope, message_id, emoji, on=True)


async def test_there_are_limits(scope: Scope) -> None:
    _, message_id = await said(scope)
    for number in range(annotations.MOST_EMOJIS):
        await annotations.react(scope, message_id, f":{number}:", on=True)
    with pytest.raises(InvalidInput):
        await annotations.react(scope, message_id, ":one more:", on=True)
    with pytest.raises(InvalidInput):
        await annotations.annotate(scope, message_id, "x" * 5_001)
    with pytest.raises(InvalidInput):
        await annotations.rate(scope, message_id, None, "A comment on nothing")


async def test_a_reply_can_be_rated_while_it_is_written_but_not_annotated_by_range(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(), "Why?")
    await annotations.rate(scope, sent.reply.id, Rating.GOOD)
    with pytest.raises(InvalidInput):
        await annotations.annotate(scope, sent.reply.id, "Hm", at=Range(0, 0, 1))
    await answer(scope, sent.run, "Because.")
    assert (await marks(scope, sent.reply.id))["feedback"][str(scope.viewer.id)]["rating"] == "good"
    await annotations.annotate(scope, sent.reply.id, "Hm", at=Range(0, 0, 8))
    await sessions.delete(scope, sent.seen[0].id)
    with pytest.raises(NotFound):
        await annotations.react(scope, sent.reply.id, "👍", on=True)
