"""Accounts and agents: made when their owner first comes; who can be chosen from."""

import asyncio
from uuid import uuid4

from chat.library import accounts, agents
from chat.scope import Scope
from db.models import Agent
from db.page import Span


async def test_an_account_is_made_when_its_owner_first_comes(scope: Scope) -> None:
    subject = uuid4().hex
    first = await accounts.identify(scope.process, subject, name="Ada", email="ada@example.org")
    again = await accounts.identify(scope.process, subject)
    assert (again.id, again.name, again.email) == (first.id, "Ada", "ada@example.org")
    assert (again.head, again.epoch) == (0, 1)


async def test_an_owner_who_comes_through_several_windows_at_once_has_one_account(scope: Scope) -> None:
    subject = uuid4().hex
    found = await asyncio.gather(*(accounts.identify(scope.process, subject) for _ in range(5)))
    assert len({user.id for user in found}) == 1


async def test_the_viewer_is_told_their_own_account(scope: Scope, stranger: Scope) -> None:
    assert (await accounts.me(scope)).id == scope.viewer.id
    assert (await accounts.me(stranger)).id == stranger.viewer.id


async def test_a_viewer_chooses_from_their_own_agents_and_those_for_everybody(scope: Scope, stranger: Scope) -> None:
    """1-24."""
    mine, theirs = (Agent(owner_id=viewer.viewer.id, name="Critic") for viewer in (scope, stranger))
    gone = Agent(owner_id=scope.viewer.id, name="Gone")
    async with scope.process.db.system() as tx:
        tx.add_all([mine, theirs, gone])
        await tx.flush()
        gone.deleted_at = gone.created_at
    page = await agents.page(scope, Span(10))
    assert [agent.name for agent in page.rows] == ["Critic", "Assistant"] or [agent.name for agent in page.rows] == [
        "Assistant",
        "Critic",
    ]
    assert await agents.count(scope) == 2
    assert await agents.of_ids(scope, [theirs.id, gone.id]) == [None, None]
    (found,) = await agents.of_ids(scope, [mine.id])
    assert found is not None
    assert found.id == mine.id
