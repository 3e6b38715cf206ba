"""Messages that are deleted and come back: exactly those, in every window, and what is left is a path to go on from."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from chat.conversation import edits, messages, sessions
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotAllowed, NotFound
from chat.removal import deletions
from chat.removal.deletions import Changed
from chat.removal.message_tree import DeletionScope
from chat.removal.retention import tidy_once
from chat.runs import model_context, producers, retries, runs
from chat.runs.rooms import Room
from chat.scope import Scope
from db.models import MemberRole, Message, MessageStatus, RunStatus
from db.page import Span
from sync.events import AccountEvent, SessionChanged
from sync.subscriber import Window
from tests.branching.conversations import say, shown, tell
from tests.chat.conftest import answer, head_of, join
from tests.organising.conftest import heard, windows
from tests.repeating.asking import ask
from tests.runs.validity import check_turns
from tests.sync.client import Client, watching
from tests.sync.talk import execute

MESSAGE, SUBTREE, OTHERS = DeletionScope

BROWSE = """
    query ($id: ID!) { session(id: $id) {
        messageCount lastMessagePreview
        messages(first: 100) { totalCount edges { node { id content deletedAt siblings { index count } } } }
    } }
"""


async def delete(scope: Scope, message: Message, what: DeletionScope = MESSAGE) -> int:
    """How many messages a deletion takes."""
    return (await deletions.delete(scope, message.session_id, message.id, what)).count


async def restore(scope: Scope, message: Message, what: DeletionScope = MESSAGE) -> int:
    """How many messages come back."""
    return (await deletions.restore(scope, message.session_id, message.id, what)).count


async def alive(scope: Scope, told: dict[str, Message]) -> str:
    """What of a conversation of single letters still says something, in the order of its making."""
    found = await messages.of_ids(scope, [message.id for message in told.values()])
    return "".join(row.content for row in found if row is not None)


async def test_a_message_in_the_middle_holds_its_place_and_says_nothing(scope: Scope) -> None:
    """0-71."""
    told = await tell(scope)
    assert await delete(scope, told["B"]) == 1
    assert await shown(scope, told["A"].session_id) == "AF"
    session = (await ask(scope, BROWSE, id=str(told["A"].session_id)))["session"]
    path = [edge["node"] for edge in session["messages"]["edges"]]
    assert [node["id"] for node in path] == [str(told[name].id) for name in "ABF"]
    assert [node["deletedAt"] is not None for node in path] == [False, True, False]
    assert [node["siblings"] for node in path[1:]] == [{"index": 0, "count": 2}, {"index": 1, "count": 2}]
    assert (session["messageCount"], session["messages"]["totalCount"]) == (5, 3)
    assert await restore(scope, told["B"]) == 1
    assert await shown(scope, told["A"].session_id) == "ABF"


SAID = ("parts", "content", "meta", "error", "marks")


async def said(scope: Scope, message: Message) -> list[object]:
    """What a message says in the database."""
    async with scope.process.db.system() as tx:
        row = await tx.get(Message, message.id)
    return [getattr(row, name) for name in SAID]


async def test_everything_that_a_message_had_comes_back(scope: Scope) -> None:
    told = await tell(scope)
    had = """metadata = '{"a" : 1}', error = '{"code" : "X", "reason" : "Oh."}', marks = '{"like": {"me" : 1}}'"""
    await execute(scope, f"UPDATE messages SET {had} WHERE id = :id", id=told["B"].id)
    before = await said(scope, told["B"])
    await delete(scope, told["B"])
    assert await said(scope, told["B"]) == [[], "", {}, None, {}]
    await restore(scope, told["B"])
    assert await said(scope, told["B"]) == before


async def test_a_message_at_the_end_is_gone_and_what_held_a_place_for_it_too(scope: Scope) -> None:
    told = await tell(scope)
    await delete(scope, told["D"])
    assert await messages.of_ids(scope, [told["D"].id]) != [None]
    await delete(scope, told["E"])
    assert await messages.of_ids(scope, [told["D"].id, told["E"].id]) == [None, None]
    session = (await ask(scope, BROWSE, id=str(told["A"].session_id)))["session"]
    assert session["messages"]["edges"][1]["node"]["siblings"] == {"index": 0, "count": 1}
    assert await restore(scope, told["E"]) == 1
    assert await alive(scope, told) == "ABCEF"
    assert await shown(scope, told["A"].session_id, told["E"].id) == "AE"
    assert await restore(scope, told["D"]) == 1
    assert await shown(scope, told["A"].session_id, told["E"].id) == "ADE"
    assert await shown(scope, told["A"].session_id) == "ABF", "Nobody saw that branch before it was deleted."


@pytest.mark.parametrize(
    ("name", "what", "left", "seen"),
    [("B", SUBTREE, "ADE", "ADE"), ("D", SUBTREE, "ABCF", "ABF"), ("A", SUBTREE, "", ""), ("D", OTHERS, "ADE", "ADE")],
)
async def test_a_deletion_takes_what_it_says_and_its_restoration_brings_back_exactly_that(
    scope: Scope, name: str, what: DeletionScope, left: str, seen: str
) -> None:
    """0-71."""
    told = await tell(scope)
    await delete(scope, told["C"])
    taken = len("ABDEF") - len(left.replace("C", ""))
    assert await delete(scope, told[name], what) == taken
    assert await delete(scope, told[name], what) == 0
    assert await alive(scope, told) == left.replace("C", "")
    assert await shown(scope, told["A"].session_id) == seen
    assert await restore(scope, told[name], what) == taken
    assert await restore(scope, told[name], what) == 0
    assert await alive(scope, told) == "ABDEF"
    assert (await sessions.get(scope, told["A"].session_id) or [None])[0].message_count == 5  # type: ignore[union-attr]


async def test_a_later_deletion_of_the_same_kind_is_brought_back_by_itself(scope: Scope) -> None:
    told = await tell(scope)
    await delete(scope, told["D"], OTHERS)
    told["G"] = await say(scope, told["A"].session_id, "G", told["A"])
    assert await delete(scope, told["D"], OTHERS) == 1
    assert await restore(scope, told["D"], OTHERS) == 1
    assert await alive(scope, told) == "ADEG"


async def test_what_is_said_next_follows_what_is_shown(scope: Scope) -> None:
    told = await tell(scope)
    session_id = told["A"].session_id
    await delete(scope, told["F"])
    assert await shown(scope, session_id) == "ABC"
    await delete(scope, told["C"])
    assert await shown(scope, session_id) == "AB"
    added = await say(scope, session_id, "G")
    assert (added.parent_id, await shown(scope, session_id)) == (told["B"].id, "ABG")
    await restore(scope, told["C"])
    assert await shown(scope, session_id) == "ABC"
    await deletions.clear(scope, session_id)
    assert await shown(scope, session_id) == ""
    begun = await say(scope, session_id, "H")
    assert (begun.parent_id, await shown(scope, session_id)) == (None, "H")
    with pytest.raises(InvalidInput):
        await say(scope, session_id, "I", told["C"])


async def test_a_member_who_chose_the_branch_that_is_deleted_sees_another(scope: Scope) -> None:
    told = await tell(scope)
    session_id = told["A"].session_id
    await execute(scope, "UPDATE memberships SET branch = :branch", branch=told["E"].branch)
    assert await shown(scope, session_id) == "ADE"
    await delete(scope, told["D"], SUBTREE)
    assert await shown(scope, session_id) == "ABF"
    await restore(scope, told["D"], SUBTREE)
    assert await shown(scope, session_id) == "ADE"


async def test_clearing_a_session_deletes_all_and_says_how_many(scope: Scope) -> None:
    """0-18, 0-27, 0-43."""
    told = await tell(scope)
    session_id = told["A"].session_id
    await delete(scope, told["C"])
    cleared = await deletions.clear(scope, session_id)
    assert (cleared.count, cleared.seen[0].message_count, cleared.seen[0].last_message_preview) == (5, 0, None)
    assert (await messages.page(scope, session_id, Span(100)))[0].rows == []
    assert await messages.count(scope, session_id) == 0
    assert (await deletions.clear(scope, session_id)).count == 0


async def test_what_a_clearing_took_comes_back_and_nothing_else(scope: Scope) -> None:
    """0-27."""
    told = await tell(scope)
    session_id = told["A"].session_id
    await delete(scope, told["E"])
    without = await shown(scope, session_id)
    await deletions.clear(scope, session_id)
    await messages.post(scope, session_id, "N")
    assert await shown(scope, session_id) == "N"
    back = await deletions.restore_all(scope, session_id)
    assert (back.count, back.seen[0].message_count) == (5, 6)
    assert await shown(scope, session_id) == without
    assert (await deletions.restore_all(scope, session_id)).count == 0
    await restore(scope, told["E"])
    assert await alive(scope, told) == "ABCDEF"


async def test_the_preview_is_of_the_newest_message_that_is_left(scope: Scope) -> None:
    told = await tell(scope)
    await delete(scope, told["F"])
    seen = await sessions.get(scope, told["A"].session_id)
    assert seen is not None
    assert (seen[0].last_message_preview, seen[0].message_count) == ("E", 5)
    changed = await deletions.restore(scope, told["A"].session_id, told["F"].id, MESSAGE)
    assert (changed.seen[0].last_message_preview, changed.seen[0].message_count) == ("F", 6)


async def test_every_window_sees_it_at_once(patient: Scope, elsewhere: Scope) -> None:
    scope = patient
    told = await tell(scope)
    session_id = told["A"].session_id
    async with (
        watching(scope, session_id) as one,
        watching(elsewhere, session_id) as other,
        windows(scope, elsewhere) as sidebars,
    ):
        await delete(scope, told["B"])
        for client in (one, other):
            await client.until(lambda client: client.shown[told["B"].id].text == "")
        await count(sidebars, 5)
        await delete(scope, told["B"], SUBTREE)
        for client in (one, other):
            await client.until(lambda client: not {told[name].id for name in "BCF"} & client.shown.keys())
        await count(sidebars, 3)
        await restore(scope, told["B"], SUBTREE)
        for client in (one, other):
            await client.until(lambda client: {told["C"].id, told["F"].id} <= client.shown.keys())
            assert [client.shown[told[name].id].text for name in "BCF"] == ["", "C", "F"]
        await count(sidebars, 5)


async def test_every_window_sees_what_goes_with_other_branches_or_with_everything_and_comes_back(
    patient: Scope, elsewhere: Scope
) -> None:
    """A window begins with the path that is shown, A, B, F, and is told what is shown in its place."""
    told = await tell(patient)
    session_id = told["A"].session_id
    changes: list[tuple[Callable[[], Awaitable[Changed]], str, int]] = [
        (lambda: deletions.delete(patient, session_id, told["D"].id, OTHERS), "ADE", 3),
        (lambda: deletions.restore(patient, session_id, told["D"].id, OTHERS), "ABCDEF", 6),
        (lambda: deletions.clear(patient, session_id), "", 0),
        (lambda: deletions.restore_all(patient, session_id), "ABCDEF", 6),
    ]
    async with (
        watching(patient, session_id) as one,
        watching(elsewhere, session_id) as other,
        windows(patient, elsewhere) as sidebars,
    ):
        for change, said, number in changes:
            await change()
            for client in (one, other):
                await says(client, said)
            await count(sidebars, number)


async def says(client: Client, letters: str) -> None:
    """Returns when a client shows messages of these single letters."""
    await client.until(lambda client: sorted(each.text for each in client.shown.values()) == [*letters])


async def count(sidebars: list[Window[AccountEvent]], messages: int) -> None:
    """Returns when all these windows have been told that a session has so many messages."""
    for sidebar in sidebars:
        await heard(sidebar, SessionChanged, lambda told: told.row.message_count == messages)


async def test_what_is_written_is_stopped_first_and_its_text_comes_back(scope: Scope) -> None:
    """0-71: what ran stays stopped."""
    sent = await messages.send(scope, NewSession(title="Talk"), "Well?")
    waiting = await messages.send(scope, sent.message.session_id, "And?")
    process = scope.process
    run = await runs.claim(process)
    assert run is not None
    pen = process.journal.pen(
        run_id=run.id, session_id=run.session_id, message_id=run.message_id, epoch=run.epoch, producer=process.id
    )
    await pen.write(("p", 0, {"kind": "text", "text": "It is"}))
    await pen.flush()
    assert await delete(scope, sent.message, SUBTREE) == 4
    ended = await runs.of_ids(scope, [sent.run.id, waiting.run.id])
    assert [each and each.status for each in ended] == [RunStatus.CANCELLED, RunStatus.CANCELLED]
    assert await restore(scope, sent.message, SUBTREE) == 4
    (reply,) = await messages.of_ids(scope, [sent.reply.id])
    assert reply is not None
    assert (reply.content, reply.status) == ("It is", MessageStatus.CANCELLED)
    assert await runs.claim(process) is None


async def test_a_run_elsewhere_goes_on(scope: Scope) -> None:
    told = await tell(scope)
    sent = await messages.send(scope, told["A"].session_id, "Well?", parent_id=told["E"].id)
    await delete(scope, told["B"], SUBTREE)
    await delete(scope, told["A"])
    (run,) = await runs.of_ids(scope, [sent.run.id])
    assert run is not None
    assert run.status is RunStatus.QUEUED


async def test_a_model_is_told_nothing_of_what_is_deleted_and_takes_the_rest(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(title="Talk"), "one")
    await answer(scope, first.run, "1")
    second = await messages.send(scope, first.message.session_id, "two")
    await answer(scope, second.run, "2")
    third = await messages.send(scope, first.message.session_id, "three")
    await delete(scope, second.message)
    await delete(scope, first.reply)
    async with scope.process.db.system() as tx:
        turns = await model_context.turns(tx, await model_context.before(tx, third.reply, None, Room.of(8_192, None)))
    assert [part.text for turn in turns for part in turn.parts] == ["one", "2", "three"]  # type: ignore[union-attr]
    check_turns(turns)


async def test_what_is_deleted_is_neither_answered_nor_edited(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(title="Talk"), "one")
    ended = await answer(scope, first.run, "1")
    await say(scope, first.message.session_id, "two")
    await delete(scope, first.message)
    with pytest.raises(InvalidInput):
        await retries.retry(scope, ended.id)
    with pytest.raises(NotFound):
        await producers.start(scope, first.message.id)
    for change in (edits.edit(scope, first.message.id, "x"), edits.revise(scope, first.message.id, text="x")):
        with pytest.raises(NotFound):
            await change


async def test_a_stranger_deletes_nothing_and_a_reader_neither(scope: Scope, stranger: Scope) -> None:
    """1-55, 3-35."""
    told = await tell(scope)
    session_id, other = told["A"].session_id, await say(stranger, NewSession(), "Mine")
    head = await head_of(stranger)
    async with windows(stranger) as (window,):
        for id in (session_id, uuid4()):
            for change in attempts(stranger, id, told["B"].id):
                with pytest.raises(NotFound) as refused:
                    await change
                assert refused.value.reason == str(NotFound("session"))
        with pytest.raises(NotFound) as refused:
            await deletions.delete(stranger, other.session_id, told["B"].id, MESSAGE)
        assert refused.value.reason == str(NotFound("message"))
        await delete(scope, told["C"])
        await say(stranger, other.session_id, "Heard")
        heard = await anext(window)
        assert isinstance(heard, SessionChanged)
        assert heard.row.id == other.session_id
        assert await head_of(stranger) == head + 1
    await join(stranger, session_id, MemberRole.READER)
    for change in attempts(stranger, session_id, told["B"].id):
        with pytest.raises(NotAllowed):
            await change
    assert await alive(scope, told) == "ABDEF"


def attempts(scope: Scope, session_id: UUID, message_id: UUID) -> list[asyncio.Future[Changed]]:
    """Every way to delete and to bring back."""
    return [
        asyncio.ensure_future(deletions.delete(scope, session_id, message_id, SUBTREE)),
        asyncio.ensure_future(deletions.restore(scope, session_id, message_id, SUBTREE)),
        asyncio.ensure_future(deletions.clear(scope, session_id)),
        asyncio.ensure_future(deletions.restore_all(scope, session_id)),
    ]


async def test_deletions_at_the_same_time_all_count(scope: Scope) -> None:
    told = await tell(scope)
    counts = await asyncio.gather(*(delete(scope, told[name], SUBTREE) for name in "BCFDE"))
    assert sum(counts) == 5
    assert await alive(scope, told) == "A"
    (seen,) = await sessions.of_ids(scope, [told["A"].session_id])
    assert seen is not None
    assert seen.message_count == 1


async def test_what_was_deleted_long_ago_is_forgotten_and_keeps_its_place(scope: Scope) -> None:
    told = await tell(scope)
    await delete(scope, told["B"])
    await execute(scope, "UPDATE messages SET withdrawn_at = now() - interval '31 days' WHERE withdrawn IS NOT NULL")
    await tidy_once(scope.process)
    assert await restore(scope, told["B"]) == 0
    assert await shown(scope, told["A"].session_id) == "AF"
    async with scope.process.db.system() as tx:
        row = await tx.get(Message, told["B"].id)
    assert row is not None
    assert (row.withdrawn, row.content, row.parts) == (None, "", [])
