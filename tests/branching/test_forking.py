"""Conversations copied into a session of one's own: a path, a path with what stands beside it, or all of it."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given

from chat.conversation import branches, forks, messages, sessions
from chat.conversation.sessions import NewSession
from chat.refusals import IdTaken, NotFound
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import runs
from chat.scope import Scope
from db.forks import ForkInclude
from db.listing import Filter
from db.models import MemberRole, MessageStatus, Session, TitleSource
from db.page import Span
from tests.branching.conversations import BOUNDED, following, say, shown, tell
from tests.chat.conftest import head_of, join
from tests.conftest import Server, viewer_of
from tests.db.test_paths import trees
from tests.db.trees import Tree, plant
from tests.repeating.asking import ask
from tests.sync.talk import PATIENT, at, execute

FORK = """
    mutation ($session: ID!, $message: ID!, $include: ForkInclude!, $id: ID, $title: String, $key: String) {
        forkSession(
            input: {sessionId: $session, messageId: $message, include: $include, id: $id, title: $title}
            clientMutationId: $key
        ) {
            __typename
            ... on SessionPayload { session { id title titleSource messageCount lastMessagePreview role forkedFrom {
                sessionId messageId } } }
            ... on NotFound { what }
        }
    }
"""
ORIGIN = "query ($id: ID!) { session(id: $id) { forkedFrom { sessionId messageId } } }"


async def fork(scope: Scope, session_id: UUID, message_id: UUID, include: str = "PATH", **more: str) -> dict[str, Any]:
    named = {"session": str(session_id), "message": str(message_id), "include": include}
    answer: dict[str, Any] = (await ask(scope, FORK, **named, **more))["forkSession"]
    return answer


async def paths(scope: Scope, session_id: UUID) -> set[str]:
    """What every path of a session says."""
    async with scope.process.db.system() as tx:
        session = await tx.get_one(Session, session_id)
        numbers = range(session.last_branch + 1)
    found = [await messages.page(scope, session_id, Span(100), branch=number) for number in numbers]
    return {"".join(row.content for row in page.rows) for page, _ in found}


async def test_a_fork_is_a_session_of_ones_own_with_the_messages_up_to_one(scope: Scope) -> None:
    """2-58."""
    talk = await tell(scope)
    session_id = talk["A"].session_id
    head = await head_of(scope)
    made = (await fork(scope, session_id, talk["B"].id))["session"]
    assert made == {
        "id": made["id"],
        "title": "Talk",
        "titleSource": "PERSON",
        "messageCount": 2,
        "lastMessagePreview": "B",
        "role": "OWNER",
        "forkedFrom": {"sessionId": str(session_id), "messageId": str(talk["B"].id)},
    }
    copy = UUID(made["id"])
    assert await paths(scope, copy) == {"AB"}
    assert await paths(scope, session_id) == {"ABC", "ADE", "ABF"}
    assert await head_of(scope) == head + 1
    page, _ = await messages.page(scope, copy, Span(9))
    assert [row.seq for row in page.rows] == [1, 2]
    assert not {row.id for row in page.rows} & {message.id for message in talk.values()}
    assert [(row.author_id, row.created_at) for row in page.rows] == [
        (scope.viewer.id, talk[name].created_at) for name in "AB"
    ]


@pytest.mark.parametrize(
    ("include", "found"), [("PATH_WITH_SIBLINGS", {"ABC", "AD", "ABF", "Z"}), ("ALL", {"ABC", "ADE", "ABF", "Z"})]
)
async def test_what_stands_beside_the_path_can_be_copied_too_and_the_path_is_what_is_seen(
    scope: Scope, include: str, found: set[str]
) -> None:
    talk = await tell(scope)
    await say(scope, talk["A"].session_id, "Z", None)
    copy = UUID((await fork(scope, talk["A"].session_id, talk["C"].id, include, title="Mine"))["session"]["id"])
    assert await paths(scope, copy) == found
    assert await shown(scope, copy) == "ABC"
    seen = await sessions.get(scope, copy)
    assert seen is not None
    assert (seen[0].title, seen[0].title_source) == ("Mine", TitleSource.PERSON)


async def test_a_conversation_goes_on_in_a_fork_anywhere(scope: Scope) -> None:
    talk = await tell(scope)
    copy = UUID((await fork(scope, talk["A"].session_id, talk["C"].id, "PATH_WITH_SIBLINGS"))["session"]["id"])
    page, _ = await messages.page(scope, copy, Span(9))
    await say(scope, copy, "G")
    await messages.post(scope, copy, "H", parent_id=page.rows[1].id)
    (beside,) = await branches.siblings(scope, [(copy, page.rows[0].id)])
    await messages.post(scope, copy, "I", parent_id=beside[1])
    assert await paths(scope, copy) == {"ABCG", "ABF", "ABH", "ADI"}


async def texted(scope: Scope, follows: list[int | None]) -> Tree:
    """A tree whose messages say what their number is."""
    tree = await plant(scope, follows)
    for number, message_id in enumerate(tree.parents):
        await execute(
            scope, "UPDATE messages SET content = :content WHERE id = :id", content=f"{number},", id=message_id
        )
    return tree


@BOUNDED
@given(follows=trees())
async def test_a_whole_fork_has_the_same_paths_and_a_part_has_its_own(scope: Scope, follows: list[int | None]) -> None:
    tree = await texted(scope, follows)
    names = {message_id: f"{number}," for number, message_id in enumerate(tree.parents)}
    message_id = list(tree.parents)[len(follows) // 2]
    line = tree.path(message_id)
    beside = [each for each, parent in tree.parents.items() if parent in (None, *line[:-1]) and each not in line]
    for include, expected in (
        (ForkInclude.PATH, [line]),
        (ForkInclude.PATH_WITH_SIBLINGS, [line, *map(tree.path, beside)]),
        (ForkInclude.ALL, list(tree.paths.values())),
    ):
        copy, _ = await forks.fork(scope, tree.session_id, message_id, include)
        assert copy.last_branch == len(expected) - 1
        assert await paths(scope, copy.id) == {"".join(names[each] for each in path) for path in expected}


async def test_what_is_being_written_is_copied_as_it_is_now(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(title="Talk"), "Hi")
    waiting = await messages.send(scope, sent.message.session_id, "And?")
    process = scope.process
    run = await runs.claim(process)
    assert run is not None
    pen = process.journal.pen(
        run_id=run.id, session_id=run.session_id, message_id=run.message_id, epoch=run.epoch, producer=process.id
    )
    await pen.write(("p", 0, {"kind": "text", "text": "Well"}))
    await pen.write(("p", 1, {"kind": "toolCall", "id": "c", "name": "look", "text": "{}"}))
    await pen.flush()
    copy, _ = await forks.fork(scope, sent.message.session_id, waiting.reply.id)
    page, _ = await messages.page(scope, copy.id, Span(9))
    assert [(row.content, row.status) for row in page.rows] == [
        ("Hi", MessageStatus.COMPLETE),
        ("Well", MessageStatus.INTERRUPTED),
        ("And?", MessageStatus.COMPLETE),
        ("", MessageStatus.INTERRUPTED),
    ]
    assert [part["kind"] for part in page.rows[1].parts] == ["text", "toolCall", "toolResult"]
    assert [row.run_id for row in page.rows] == [None] * 4
    (original,) = await messages.of_ids(scope, [sent.reply.id])
    assert original is not None
    assert original.status is MessageStatus.STREAMING


async def test_ten_thousand_messages_are_copied_in_a_few_statements(scope: Scope) -> None:
    """2-69."""
    first = await say(scope, NewSession(title="Long"), "0")
    session_id = first.session_id
    await execute(
        scope,
        """
        WITH ids AS (SELECT depth, CASE depth WHEN 0 THEN CAST(:first AS uuid) ELSE gen_random_uuid() END AS id
            FROM generate_series(0, 9999) AS depth)
        INSERT INTO messages (id, session_id, parent_id, branch, depth, role, status, content, seq)
        SELECT each.id, :session, parent.id, 0, each.depth, 'user', 'complete', each.depth, each.depth + 1
        FROM ids AS each JOIN ids AS parent ON parent.depth = each.depth - 1
        """,
        first=first.id,
        session=session_id,
    )
    page, _ = await messages.page(scope, session_id, Span(1, backward=True))
    async with asyncio.timeout(30):
        copy, member = await forks.fork(scope, session_id, page.rows[0].id, ForkInclude.ALL)
    assert (copy.message_count, copy.head, copy.last_message_preview) == (10_000, 10_000, "9999")
    assert (member.read_seq, member.unread) == (10_000, False)
    page, _ = await messages.page(scope, copy.id, Span(100, backward=True))
    assert [row.content for row in page.rows] == [str(number) for number in range(9_900, 10_000)]
    assert all(row.parent_id == above.id for above, row in zip(page.rows, page.rows[1:], strict=False))


async def test_a_stranger_forks_nothing(scope: Scope, stranger: Scope) -> None:
    """1-23."""
    talk = await tell(scope)
    theirs = await tell(stranger)
    before = (await head_of(scope), await head_of(stranger))
    assert await fork(stranger, talk["A"].session_id, talk["A"].id) == {"__typename": "NotFound", "what": "session"}
    assert await fork(stranger, theirs["A"].session_id, talk["A"].id) == {"__typename": "NotFound", "what": "message"}
    assert (await head_of(scope), await head_of(stranger)) == before


async def test_who_may_read_may_fork_and_nobody_is_told_where_a_fork_is_from_who_may_not_see_that(
    scope: Scope, stranger: Scope
) -> None:
    talk = await tell(scope)
    await join(stranger, talk["A"].session_id, MemberRole.READER)
    head = await head_of(scope)
    copy = UUID((await fork(stranger, talk["A"].session_id, talk["C"].id))["session"]["id"])
    assert await head_of(scope) == head
    assert await sessions.get(scope, copy) is None
    await say(stranger, copy, "G")
    assert await shown(stranger, copy) == "ABCG"
    await join(scope, copy, MemberRole.READER)
    whole = {"forkedFrom": {"sessionId": str(talk["A"].session_id), "messageId": str(talk["C"].id)}}
    assert (await ask(scope, ORIGIN, id=str(copy)))["session"] == whole
    await execute(scope, "DELETE FROM memberships WHERE user_id = :id AND role = 'reader'", id=stranger.viewer.id)
    assert (await ask(stranger, ORIGIN, id=str(copy)))["session"] == {"forkedFrom": None}
    await sessions.delete(scope, talk["A"].session_id)
    assert (await ask(scope, ORIGIN, id=str(copy)))["session"] == {"forkedFrom": None}


async def test_a_fork_is_made_once(scope: Scope, stranger: Scope) -> None:
    talk = await tell(scope)
    new_id = uuid4()
    made = [await fork(scope, talk["A"].session_id, talk["C"].id, id=str(new_id)) for _ in range(2)]
    keyed = [await fork(scope, talk["A"].session_id, talk["C"].id, key="k") for _ in range(2)]
    assert made[0] == made[1]
    assert keyed[0] == keyed[1]
    assert made[0]["session"]["id"] == str(new_id)
    assert await sessions.count(scope, Filter()) == 3
    theirs = await tell(stranger)
    with pytest.raises(IdTaken):
        await forks.fork(stranger, theirs["A"].session_id, theirs["A"].id, new_id=new_id)


async def test_a_fork_appears_in_the_other_windows_whole(server: Server) -> None:
    async with (
        server.process(produces=False, timing=PATIENT) as here,
        server.process(produces=False, timing=PATIENT) as there,
    ):
        scope = await viewer_of(here)
        talk = await tell(scope)
        changes = """subscription { changes { __typename
            ... on SessionChanged { session { id messageCount forkedFrom { messageId } } } } }"""
        async with following(scope, changes) as near, following(at(scope, there), changes) as far, asyncio.timeout(20):
            for window in (near, far):
                assert (await anext(window))["__typename"] == "CaughtUp"
            made = (await fork(scope, talk["A"].session_id, talk["C"].id))["session"]
            for window in (near, far):
                assert (await anext(window))["session"] == {
                    "id": made["id"],
                    "messageCount": 3,
                    "forkedFrom": {"messageId": str(talk["C"].id)},
                }


async def test_what_was_deleted_is_not_copied_and_holds_its_place_where_it_did(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    for name in "BE":
        await deletions.delete(scope, session_id, talk[name].id, DeletionScope.MESSAGE)
    found = []
    for include in ForkInclude:
        copy, _ = await forks.fork(scope, session_id, talk["C"].id, include)
        found.append((copy.message_count, await paths(scope, copy.id)))
    assert found == [(2, {"AC"}), (4, {"AC", "AD", "AF"}), (4, {"AC", "AD", "AF"})]
    with pytest.raises(NotFound):
        await forks.fork(scope, session_id, talk["B"].id)


async def test_what_is_gone_is_not_forked(scope: Scope) -> None:
    talk = await tell(scope)
    await sessions.delete(scope, talk["A"].session_id)
    with pytest.raises(NotFound):
        await forks.fork(scope, talk["A"].session_id, talk["A"].id)
