"""Which branch a member sees where messages of it are deleted, and when they come back: every way to delete."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conversation import branches, messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.sessions import NewSession
from chat.removal import deletions, trash
from chat.removal.deletions import Changed
from chat.removal.message_tree import DeletionScope
from chat.runs import retries
from chat.scope import Scope
from db.models import MemberRole
from db.page import Span
from tests.branching.conversations import BOUNDED, say, shown, tell
from tests.chat.conftest import answer, join
from tests.db.test_paths import trees
from tests.db.trees import plant

MESSAGE, SUBTREE, OTHERS = DeletionScope


async def view(scope: Scope, session_id: UUID) -> list[UUID]:
    """The messages of the path that the viewer sees."""
    return [row.id for row in (await messages.page(scope, session_id, Span(100)))[0].rows]


async def leaf(scope: Scope, session_id: UUID) -> UUID | None:
    """The message that the viewer is told is the last one."""
    seen = await sessions.get(scope, session_id)
    assert seen is not None
    session, member = seen
    number = session.current_branch if member.branch is None else member.branch
    return (await branches.leaves(scope, [(session_id, number)]))[0]


async def asked_twice(scope: Scope) -> tuple[Exchange, UUID]:
    """A question with two answers, of which the second is on a branch of its own."""
    sent = await messages.send(scope, NewSession(title="Talk"), "Well?")
    _, again = await retries.retry(scope, (await answer(scope, sent.run, "A")).id)
    await answer(scope, again.run, "B")
    return sent, again.message.id


@pytest.mark.parametrize("what", [MESSAGE, SUBTREE])
async def test_another_answer_is_seen_where_the_first_is_chosen_and_deleted(scope: Scope, what: DeletionScope) -> None:
    sent, second = await asked_twice(scope)
    session_id, first = sent.message.session_id, sent.reply.id
    await branches.choose(scope, session_id, first)
    assert await view(scope, session_id) == [sent.message.id, first]
    await deletions.delete(scope, session_id, first, what)
    assert await view(scope, session_id) == [sent.message.id, second]
    assert await leaf(scope, session_id) == second
    added = await say(scope, session_id, "And then?")
    assert added.parent_id == second
    assert await view(scope, session_id) == [sent.message.id, second, added.id]


@pytest.mark.parametrize("what", [MESSAGE, SUBTREE])
async def test_the_first_answer_is_seen_where_the_second_is_deleted(scope: Scope, what: DeletionScope) -> None:
    sent, second = await asked_twice(scope)
    session_id = sent.message.session_id
    await deletions.delete(scope, session_id, second, what)
    assert await view(scope, session_id) == [sent.message.id, sent.reply.id]
    assert (await say(scope, session_id, "And then?")).parent_id == sent.reply.id


async def test_who_only_reads_sees_another_answer_too_and_their_own_again(scope: Scope, stranger: Scope) -> None:
    sent, second = await asked_twice(scope)
    session_id, first = sent.message.session_id, sent.reply.id
    await join(stranger, session_id, MemberRole.READER)
    await branches.choose(stranger, session_id, first)
    await deletions.delete(scope, session_id, first, SUBTREE)
    assert await view(stranger, session_id) == [sent.message.id, second]
    assert await leaf(stranger, session_id) == second
    await deletions.restore(scope, session_id, first, SUBTREE)
    assert await view(stranger, session_id) == [sent.message.id, first]
    assert await view(scope, session_id) == [sent.message.id, second], "Nothing was taken from what the owner saw."


async def test_an_answer_that_comes_later_is_seen_where_the_chosen_one_was_deleted(
    scope: Scope, stranger: Scope
) -> None:
    sent = await messages.send(scope, NewSession(title="Talk"), "Well?")
    session_id, run = sent.message.session_id, await answer(scope, sent.run, "A")
    await join(stranger, session_id, MemberRole.READER)
    await branches.choose(stranger, session_id, sent.reply.id)
    _, again = await retries.retry(scope, run.id)
    await answer(scope, again.run, "B")
    await deletions.delete(scope, session_id, again.message.id, SUBTREE)
    await deletions.delete(scope, session_id, sent.reply.id, SUBTREE)
    assert await view(stranger, session_id) == [sent.message.id]
    _, third = await retries.answer(scope, sent.message.id)
    assert await view(stranger, session_id) == [sent.message.id, third.message.id]
    assert await view(scope, session_id) == [sent.message.id, third.message.id]


type Change = Callable[[Scope, UUID, UUID], Awaitable[object]]

UNDONE: dict[str, tuple[Change, Change]] = {
    "a message": (
        lambda scope, session_id, id: deletions.delete(scope, session_id, id, MESSAGE),
        lambda scope, session_id, id: deletions.restore(scope, session_id, id, MESSAGE),
    ),
    "a subtree": (
        lambda scope, session_id, id: deletions.delete(scope, session_id, id, SUBTREE),
        lambda scope, session_id, id: deletions.restore(scope, session_id, id, SUBTREE),
    ),
    "other branches": (
        lambda scope, session_id, id: deletions.delete(scope, session_id, id, OTHERS),
        lambda scope, session_id, id: deletions.restore(scope, session_id, id, OTHERS),
    ),
    "everything": (
        lambda scope, session_id, id: deletions.clear(scope, session_id),
        lambda scope, session_id, id: deletions.restore_all(scope, session_id),
    ),
    "the session": (
        lambda scope, session_id, id: sessions.delete(scope, session_id),
        lambda scope, session_id, id: trash.restore(scope, session_id),
    ),
}


@pytest.mark.parametrize("kind", UNDONE)
@pytest.mark.parametrize("name", "ABCDEF")
async def test_what_is_undone_is_seen_as_before_by_everybody(
    scope: Scope, stranger: Scope, kind: str, name: str
) -> None:
    """The owner has chosen the older branch, and the other one none."""
    do, undo = UNDONE[kind]
    told = await tell(scope)
    session_id = told["A"].session_id
    await join(stranger, session_id, MemberRole.WRITER)
    await branches.choose(scope, session_id, told["C"].id)
    await do(scope, session_id, told[name].id)
    await undo(scope, session_id, told[name].id)
    assert (await shown(scope, session_id), await shown(stranger, session_id)) == ("ABC", "ABF")
    seen = [await sessions.get(each, session_id) for each in (scope, stranger)]
    assert [each and each[1].branch for each in seen] == [told["C"].branch, None]
    await branches.choose(scope, session_id, None)
    assert await shown(scope, session_id) == "ABF"


async def test_a_choice_comes_back_though_something_was_said_meanwhile(scope: Scope) -> None:
    told = await tell(scope)
    session_id = told["A"].session_id
    await branches.choose(scope, session_id, told["C"].id)
    await deletions.clear(scope, session_id)
    await say(scope, session_id, "N")
    assert await shown(scope, session_id) == "N"
    back: Changed = await deletions.restore_all(scope, session_id)
    assert back.seen[1].branch == told["C"].branch
    assert await shown(scope, session_id) == "ABC"


async def test_who_has_said_something_meanwhile_stays_with_it_when_another_undoes(
    scope: Scope, stranger: Scope
) -> None:
    told = await tell(scope)
    session_id = told["A"].session_id
    await join(stranger, session_id, MemberRole.WRITER)
    await branches.choose(stranger, session_id, told["E"].id)
    await deletions.delete(scope, session_id, told["D"].id, SUBTREE)
    await say(stranger, session_id, "G", told["A"])
    await deletions.restore(scope, session_id, told["D"].id, SUBTREE)
    assert await shown(stranger, session_id) == "AG"


async def test_a_hit_is_shown_on_the_path_that_is_seen_instead_of_a_deleted_one(scope: Scope) -> None:
    told = await tell(scope)
    session_id = told["A"].session_id
    await branches.choose(scope, session_id, told["C"].id)
    await deletions.delete(scope, session_id, told["C"].id, MESSAGE)
    newer = await say(scope, session_id, "G", told["D"])
    await branches.choose(scope, session_id, told["F"].id)
    await deletions.delete(scope, session_id, told["F"].id, MESSAGE)
    assert await shown(scope, session_id) == "AB"
    found = await branches.around(scope, session_id, told["A"].id, 9, 9)
    assert found is not None
    assert [row.content for row in found.page.rows] == ["A", "B"]
    assert await shown(scope, session_id, told["A"].id) == "ADG"
    assert newer.branch != told["E"].branch


@BOUNDED
@given(follows=trees(), data=st.data())
async def test_a_path_ends_where_nothing_follows_that_is_not_deleted(
    scope: Scope, follows: list[int | None], data: st.DataObject
) -> None:
    """Whatever is deleted and restored in whatever order, of whichever branch."""
    tree = await plant(scope, follows)
    ids, done = list(tree.parents), []
    for _ in range(data.draw(st.integers(1, 5))):
        message, what = data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(DeletionScope))
        await deletions.delete(scope, tree.session_id, message, what)
        done.append((message, what))
    for message, what in data.draw(st.permutations(done))[:2]:
        await deletions.restore(scope, tree.session_id, message, what)
    alive = {id for id, row in zip(ids, await messages.of_ids(scope, ids), strict=True) if row is not None}
    followed = {tree.parents[id] for id in alive}
    for number in sorted(tree.paths):
        page, _ = await messages.page(scope, tree.session_id, Span(100), branch=number)
        path = [row.id for row in page.rows]
        kept = [id for id in tree.paths[number] if id in alive]
        assert path[: len(kept)] == kept, "what is left of the branch is seen"
        assert path == (tree.path(path[-1]) if path else [])
        assert (path[-1] if path else None) not in followed
