"""Which branch a member sees: chosen, remembered, told to all windows, and another one for a single window."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given

from chat.conversation import branches, messages
from chat.conversation.messages import PathKey
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from db.models import MemberRole
from db.page import Span
from resolvers.root import api
from schema.context import Context
from tests.branching.conversations import BOUNDED, following, say, shown, tell
from tests.chat.conftest import head_of, join
from tests.conftest import Server, viewer_of
from tests.db.test_paths import trees
from tests.db.trees import plant
from tests.repeating.asking import ask
from tests.sync.talk import PATIENT, at

CHOOSE = """
    mutation ($session: ID!, $message: ID, $key: String) {
        chooseBranch(id: $session, messageId: $message, clientMutationId: $key) {
            __typename
            ... on SessionPayload { session { leafId branchChosen } }
            ... on NotFound { what }
        }
    }
"""
CHANGES = """
    subscription ($after: SyncCursor) {
        changes(after: $after) {
            __typename
            ... on SessionChanged { clientMutationId session { id leafId branchChosen } }
        }
    }
"""


async def choose(scope: Scope, session_id: UUID, message_id: UUID | None, key: str | None = None) -> dict[str, Any]:
    message = None if message_id is None else str(message_id)
    answer: dict[str, Any] = (await ask(scope, CHOOSE, session=str(session_id), message=message, key=key))[
        "chooseBranch"
    ]
    return answer


async def test_a_choice_shows_the_path_through_a_message_down_to_the_newest_leaf_below_it(scope: Scope) -> None:
    """2-43, 2-58."""
    talk = await tell(scope)
    session_id = talk["A"].session_id
    assert await shown(scope, session_id) == "ABF"
    paths = {}
    for name, message in talk.items():
        answer = await choose(scope, session_id, message.id)
        paths[name] = await shown(scope, session_id)
        assert answer["session"] == {"leafId": str(talk[paths[name][-1]].id), "branchChosen": True}
    assert paths == {"A": "ABF", "B": "ABF", "C": "ABC", "D": "ADE", "E": "ADE", "F": "ABF"}


async def test_a_member_goes_on_in_the_branch_of_their_choice_until_they_choose_none(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    await choose(scope, session_id, talk["C"].id)
    await say(scope, session_id, "G")
    assert await shown(scope, session_id) == "ABCG"
    await say(scope, session_id, "H", talk["E"])
    assert await shown(scope, session_id) == "ADEH"
    await choose(scope, session_id, talk["C"].id)
    answer = await choose(scope, session_id, None)
    assert answer["session"]["branchChosen"] is False
    assert await shown(scope, session_id) == "ADEH"


async def test_a_choice_is_a_members_own(scope: Scope, stranger: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    await join(stranger, session_id, MemberRole.READER)
    await choose(stranger, session_id, talk["C"].id)
    await choose(scope, session_id, talk["D"].id)
    assert (await shown(scope, session_id), await shown(stranger, session_id)) == ("ADE", "ABC")


async def test_a_choice_is_told_to_the_members_other_windows_and_to_nobody_else(server: Server) -> None:
    """0-51, 1-30, 4-13."""
    async with (
        server.process(produces=False, timing=PATIENT) as here,
        server.process(produces=False, timing=PATIENT) as there,
    ):
        scope, other = await viewer_of(here), await viewer_of(here)
        talk = await tell(scope)
        await join(other, talk["A"].session_id, MemberRole.WRITER)
        before = await head_of(other)
        async with following(scope, CHANGES) as near, following(at(scope, there), CHANGES) as far, asyncio.timeout(20):
            for window in (near, far):
                assert (await anext(window))["__typename"] == "CaughtUp"
            await choose(scope, talk["A"].session_id, talk["C"].id, "mine")
            for window in (near, far):
                assert await anext(window) == {
                    "__typename": "SessionChanged",
                    "clientMutationId": "mine",
                    "session": {
                        "id": str(talk["A"].session_id),
                        "leafId": str(talk["C"].id),
                        "branchChosen": True,
                    },
                }
        assert await shown(at(scope, there), talk["A"].session_id) == "ABC"
        assert await head_of(other) == before


async def test_a_stranger_chooses_nothing(scope: Scope, stranger: Scope) -> None:
    """1-23."""
    talk = await tell(scope)
    theirs = await tell(stranger)
    head, his = await head_of(scope), await head_of(stranger)
    assert await choose(stranger, talk["A"].session_id, talk["C"].id) == {"__typename": "NotFound", "what": "session"}
    own, other = theirs["A"].session_id, talk["A"]
    assert await choose(stranger, own, other.id) == {"__typename": "NotFound", "what": "message"}
    assert await choose(stranger, own, uuid4()) == {"__typename": "NotFound", "what": "message"}
    assert (await head_of(scope), await head_of(stranger)) == (head, his)
    assert await shown(scope, other.session_id) == "ABF"


async def test_a_choice_that_is_made_again_is_no_news_and_undoes_no_later_one(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    before = await head_of(scope)
    for _ in range(2):
        await choose(scope, session_id, talk["C"].id, "first")
        await choose(scope, session_id, talk["C"].id)
    assert await head_of(scope) == before + 1
    await choose(scope, session_id, talk["D"].id)
    late = await choose(scope, session_id, talk["C"].id, "first")
    assert late["session"]["leafId"] == str(talk["E"].id)
    assert await shown(scope, session_id) == "ADE"


async def test_a_window_can_show_another_branch_than_the_chosen_one(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    await choose(scope, session_id, talk["C"].id)
    assert await shown(scope, session_id, talk["D"].id) == "ADE"
    assert await shown(scope, session_id, talk["B"].id) == "ABF"
    assert await shown(scope, session_id) == "ABC"
    with pytest.raises(InvalidInput, match="no such message"):
        await branches.through(scope, session_id, uuid4())


async def test_pages_stay_on_the_path_that_they_began_on(scope: Scope) -> None:
    """2-43."""
    talk = await tell(scope)
    session_id = talk["A"].session_id
    branch = await branches.through(scope, session_id, talk["D"].id)
    first, number = await messages.page(scope, session_id, Span(2), branch=branch)
    await say(scope, session_id, "G", talk["D"])
    rest, _ = await messages.page(scope, session_id, Span(9, after=PathKey(number, first.rows[-1].depth)))
    assert [row.content for row in (*first.rows, *rest.rows)] == ["A", "D", "E"]


AROUND = """
    query ($id: ID!, $message: ID!, $before: Int!, $after: Int!) {
        session(id: $id) {
            around(messageId: $message, before: $before, after: $after) {
                pageInfo { hasPreviousPage hasNextPage startCursor endCursor } edges { node { content } }
            }
            messages(first: 1) { edges { node { content } } }
        }
    }
"""
MORE = """
    query ($id: ID!, $start: PageCursor!, $end: PageCursor!) {
        session(id: $id) {
            older: messages(last: 9, before: $start) { edges { node { content } } }
            newer: messages(first: 9, after: $end) { edges { node { content } } }
        }
    }
"""


def letters(connection: dict[str, Any]) -> str:
    return "".join(edge["node"]["content"] for edge in connection["edges"])


async def around(scope: Scope, session_id: UUID, message_id: UUID, before: int, after: int) -> dict[str, Any] | None:
    variables = {"id": str(session_id), "message": str(message_id), "before": before, "after": after}
    found: dict[str, Any] | None = (await ask(scope, AROUND, **variables))["session"]["around"]
    return found


async def test_a_hit_is_shown_with_what_is_around_it_and_its_cursors_go_on_from_there(scope: Scope) -> None:
    """1-43, 2-42, 2-60."""
    first = await say(scope, to := (await tell(scope))["A"].session_id, "a", None)
    line = [first, *[await say(scope, to, letter) for letter in "bcdefg"]]
    found = await around(scope, to, line[3].id, 1, 2)
    assert found is not None
    assert letters(found) == "cdef"
    page = found["pageInfo"]
    assert (page["hasPreviousPage"], page["hasNextPage"]) == (True, True)
    more = (await ask(scope, MORE, id=str(to), start=page["startCursor"], end=page["endCursor"]))["session"]
    assert (letters(more["older"]), letters(more["newer"])) == ("ab", "g")
    ends = [await around(scope, to, line[0].id, 5, 1), await around(scope, to, line[6].id, 1, 5)]
    assert [end and letters(end) for end in ends] == ["ab", "fg"]


async def test_a_hit_is_shown_on_the_branch_that_the_viewer_sees_if_it_is_there(scope: Scope) -> None:
    talk = await tell(scope)
    session_id = talk["A"].session_id
    await choose(scope, session_id, talk["C"].id)
    found = [await around(scope, session_id, talk[name].id, 9, 9) for name in "ABD"]
    assert [each and letters(each) for each in found] == ["ABC", "ABC", "ADE"]


async def test_there_is_nothing_around_what_is_not_there(scope: Scope, stranger: Scope) -> None:
    talk, theirs = await tell(scope), await tell(stranger)
    for message_id in (uuid4(), theirs["A"].id):
        assert await around(scope, talk["A"].session_id, message_id, 1, 1) is None


async def test_what_makes_no_sense_is_refused(scope: Scope) -> None:
    a = await say(scope, NewSession(), "A")
    for field in (
        f'around(messageId: "{a.id}", before: -1)',
        f'around(messageId: "{a.id}", before: 60, after: 40)',
        'around(messageId: "x")',
        f'messages(throughId: "{uuid4()}")',
        'turns(throughId: "x")',
        'turns(first: 1, after: "no cursor")',
    ):
        asked = f'{{ session(id: "{a.session_id}") {{ {field} {{ totalCount }} }} }}'
        result = await api.execute(asked, context_value=Context(scope))
        assert [type(error.original_error) for error in result.errors or ()] == [InvalidInput], field


SIBLINGS = """
    query ($id: ID!, $through: ID) {
        session(id: $id) {
            messages(first: 100, throughId: $through) { edges { node { content siblings { index count ids } } } }
        }
    }
"""


async def test_a_message_knows_what_stands_beside_it(scope: Scope) -> None:
    talk = await tell(scope)
    root = await say(scope, talk["A"].session_id, "Z", None)
    found = await ask(scope, SIBLINGS, id=str(root.session_id), through=str(talk["C"].id))
    ids = {name: str(message.id) for name, message in (talk | {"Z": root}).items()}
    assert [edge["node"] for edge in found["session"]["messages"]["edges"]] == [
        {"content": "A", "siblings": {"index": 0, "count": 2, "ids": [ids["A"], ids["Z"]]}},
        {"content": "B", "siblings": {"index": 0, "count": 2, "ids": [ids["B"], ids["D"]]}},
        {"content": "C", "siblings": {"index": 0, "count": 2, "ids": [ids["C"], ids["F"]]}},
    ]


async def test_a_new_sibling_is_told_as_a_message(patient: Scope, elsewhere: Scope) -> None:
    talk = await tell(patient)
    id = str(talk["A"].session_id)
    told = """subscription ($id: ID!) { session(id: $id) {
        __typename ... on MessageChanged { message { content parentId siblings { index count } } } } }"""
    async with (
        following(patient, told, id=id) as near,
        following(elsewhere, told, id=id) as far,
        asyncio.timeout(20),
    ):
        for window in (near, far):
            while (await anext(window))["__typename"] != "CaughtUp":
                pass
        await say(patient, talk["A"].session_id, "G", talk["D"])
        for window in (near, far):
            while "message" not in (event := await anext(window)):
                pass
            assert event["message"] == {
                "content": "G",
                "parentId": str(talk["D"].id),
                "siblings": {"index": 1, "count": 2},
            }


@BOUNDED
@given(follows=trees())
async def test_paths_and_siblings_are_those_of_the_tree(scope: Scope, follows: list[int | None]) -> None:
    tree = await plant(scope, follows)
    for message_id, parent_id in tree.parents.items():
        below = [each for each in tree.parents if message_id in tree.path(each)]
        leaves = [each for each in below if each not in tree.parents.values()]
        found, _ = await messages.page(
            scope, tree.session_id, Span(100), branch=await branches.through(scope, tree.session_id, message_id)
        )
        assert [row.id for row in found.rows] == tree.path(max(leaves))
        (family,) = await branches.siblings(scope, [(tree.session_id, parent_id)])
        assert list(family) == [each for each, parent in tree.parents.items() if parent == parent_id]


async def test_a_message_of_another_session_is_not_found_in_this_one(scope: Scope) -> None:
    talk, other = await tell(scope), await tell(scope)
    with pytest.raises(NotFound):
        await branches.choose(scope, talk["A"].session_id, other["A"].id)
