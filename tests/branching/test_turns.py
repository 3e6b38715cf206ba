"""Turns: a path as questions, each with what came of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conversation import turns
from chat.conversation.turns import Turn, TurnKey
from chat.scope import Scope
from db import paths
from db.page import Span
from tests.branching.conversations import BOUNDED, tell
from tests.db.trees import plant
from tests.repeating.asking import ask
from tests.sync.talk import execute

TURNS = """
    query ($id: ID!, $first: Int, $after: PageCursor, $last: Int, $before: PageCursor, $through: ID) {
        session(id: $id) {
            turns(first: $first, after: $after, last: $last, before: $before, throughId: $through) {
                totalCount pageInfo { hasPreviousPage hasNextPage startCursor endCursor }
                edges { node { question { content } answers { content } } }
            }
        }
    }
"""
ROLES = {"U": "user", "a": "assistant", "s": "system", "t": "tool"}


async def line(scope: Scope, roles: str) -> UUID:
    """A session whose messages have these roles, and say them."""
    tree = await plant(scope, [None if index == 0 else index - 1 for index in range(len(roles))])
    change = """
        UPDATE messages SET role = given.role, content = given.letter
        FROM unnest(CAST(:ids AS uuid[]), CAST(:roles AS text[]), CAST(:letters AS text[])) AS given (id, role, letter)
        WHERE messages.id = given.id
    """
    await execute(scope, change, ids=list(tree.parents), roles=[ROLES[each] for each in roles], letters=list(roles))
    return tree.session_id


def spoken(found: Sequence[Turn]) -> list[str]:
    """What the turns say; one without a question begins with a hyphen."""
    texts = [["-"] if turn.question is None else [turn.question.content] for turn in found]
    return ["".join([*text, *(row.content for row in turn.answers)]) for text, turn in zip(texts, found, strict=True)]


def expected(roles: str) -> list[str]:
    """The turns of a path."""
    first, *rest = roles.split("U")
    return [*([f"-{first}"] if first else []), *(f"U{answers}" for answers in rest)]


async def test_a_turn_is_a_question_and_what_follows_it(scope: Scope) -> None:
    """0-3, 1-30, 3-25."""
    session_id = await line(scope, "sUatatUU")
    found = (await ask(scope, TURNS, id=str(session_id)))["session"]["turns"]
    assert found["totalCount"] == 4
    assert [edge["node"] for edge in found["edges"]] == [
        {"question": None, "answers": [{"content": "s"}]},
        {"question": {"content": "U"}, "answers": [{"content": each} for each in "atat"]},
        {"question": {"content": "U"}, "answers": []},
        {"question": {"content": "U"}, "answers": []},
    ]


@BOUNDED
@given(roles=st.text("Uas", max_size=30), limit=st.integers(1, 5))
async def test_pages_of_turns_give_the_whole_path_in_both_directions(scope: Scope, roles: str, limit: int) -> None:
    session_id = await line(scope, roles)
    for backward in (False, True):
        read: list[str] = []
        key = None
        more = True
        while more:
            edge: dict[str, Any] = {"before" if backward else "after": key}
            found, branch = await turns.page(scope, session_id, Span(limit, **edge, backward=backward))
            assert (found.has_next if backward else found.has_previous) is (key is not None)
            more = found.has_previous if backward else found.has_next
            if found.rows:
                end = found.rows[0 if backward else -1]
                key = TurnKey(branch, end.first, end.stop)
            read = [*spoken(found.rows), *read] if backward else [*read, *spoken(found.rows)]
        assert read == expected(roles)
        assert await turns.count(scope, session_id, branch) == len(read)


async def test_a_page_of_turns_reads_what_it_holds(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """2-41, 2-69."""
    session_id = await line(scope, "Ua" * 60)
    read = 0
    page = paths.page

    async def counting(*asked: Any) -> Any:
        nonlocal read
        found = await page(*asked)
        read += 0 if found is None else len(found.page.rows)
        return found

    monkeypatch.setattr(paths, "page", counting)
    for span in (Span(10, backward=True), Span(10), Span(10, after=TurnKey(0, 60, 62))):
        read = 0
        found, _ = await turns.page(scope, session_id, span)
        assert (len(found.rows), read) == (10, 21)


async def test_a_turn_that_has_grown_since_is_not_told_again(scope: Scope) -> None:
    session_id = await line(scope, "UaUaa")
    found, branch = await turns.page(scope, session_id, Span(1, after=TurnKey(0, 2, 4)))
    assert (list(found.rows), found.has_next, branch) == ([], False, 0)


async def test_turns_of_another_branch(scope: Scope) -> None:
    talk = await tell(scope)
    query = {"id": str(talk["A"].session_id), "through": str(talk["D"].id)}
    found = (await ask(scope, TURNS, **query, last=2))["session"]["turns"]
    assert [edge["node"]["question"]["content"] for edge in found["edges"]] == ["D", "E"]
    older = (await ask(scope, TURNS, id=query["id"], last=2, before=found["pageInfo"]["startCursor"]))["session"]
    assert [edge["node"]["question"]["content"] for edge in older["turns"]["edges"]] == ["A"]
    assert (found["totalCount"], older["turns"]["totalCount"]) == (3, 3)


async def test_a_stranger_is_shown_no_turns(scope: Scope, stranger: Scope) -> None:
    talk = await tell(scope)
    assert (await ask(stranger, TURNS, id=str(talk["A"].session_id)))["session"] is None
