"""What clients share of a session: keys that are set one by one, the last one wins, live in every window."""

import asyncio
from dataclasses import replace

import pytest

from chat.conversation import sessions, state
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotAllowed, NotFound
from chat.scope import Scope
from db.models import MemberRole
from sync.events import SessionChanged
from tests.chat.conftest import head_of, join
from tests.organising.conftest import heard, windows


async def test_every_window_of_every_member_sees_it(patient: Scope, elsewhere: Scope, stranger: Scope) -> None:
    """4-13."""
    other = replace(stranger, process=elsewhere.process)
    session, _ = await sessions.create(patient, NewSession())
    await join(other, session.id, MemberRole.WRITER)
    async with windows(patient, elsewhere, other) as all_:
        await state.set_values(other, session.id, {"panel": {"open": True}, "step": 2})
        for window in all_:
            assert (await heard(window, SessionChanged)).row.state == {"panel": {"open": True}, "step": 2}


async def test_keys_are_set_and_taken_away_one_by_one(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    await state.set_values(scope, session.id, {"a": 1, "b": {"c": None}})
    await state.set_values(scope, session.id, {"a": 2, "d": []})
    found, _ = await state.set_values(scope, session.id, {"b": None, "e": None})
    assert found.state == {"a": 2, "d": []}
    before = await head_of(scope)
    await state.set_values(scope, session.id, {"a": 2, "x": None})
    assert await head_of(scope) == before, "What is so already tells nobody anything."


async def test_simultaneous_keys_all_count(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    await asyncio.gather(*(state.set_values(scope, session.id, {f"key {number}": number}) for number in range(10)))
    (found,) = await sessions.of_ids(scope, [session.id])
    assert found is not None
    assert found.state == {f"key {number}": number for number in range(10)}


async def test_it_has_a_limit_as_a_whole(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    await state.set_values(scope, session.id, {"a": "x" * 40_000})
    with pytest.raises(InvalidInput) as refused:
        await state.set_values(scope, session.id, {"b": "x" * 40_000})
    assert (refused.value.field, refused.value.reason) == (
        "values",
        "A session's state has at most 65,536 bytes as JSON; it would have 80,015.",
    )
    with pytest.raises(InvalidInput):
        await state.set_values(scope, session.id, ["no", "object"])


async def test_nobody_else_sees_or_sets_it(scope: Scope, stranger: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    await state.set_values(scope, session.id, {"a": 1})
    assert await sessions.of_ids(stranger, [session.id]) == [None]
    with pytest.raises(NotFound):
        await state.set_values(stranger, session.id, {"a": 2})
    await join(stranger, session.id, MemberRole.READER)
    with pytest.raises(NotAllowed):
        await state.set_values(stranger, session.id, {"a": 2})
