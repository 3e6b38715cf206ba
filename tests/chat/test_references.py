"""What is named must be there for whoever names it, and what gets an id gets it alone."""

import asyncio
from uuid import UUID, uuid4

import pytest

from chat.conversation import annotations, forks, messages, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.library import agents, folders, projects
from chat.library.agents import Character
from chat.refusals import IdTaken, NotFound
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import producers, retries, runs
from chat.scope import Scope
from db.listing import Filter
from db.models import MemberRole, RunStatus, Session
from tests.chat.conftest import join
from tests.conftest import Server, viewer_of


async def mine(scope: Scope) -> UUID:
    """An agent of one's own."""
    return (await agents.create(scope, Character(name="Mine alone"))).id


async def asked(scope: Scope, agent_id: UUID | None = None) -> tuple[UUID, UUID]:
    """A session, perhaps with an agent, and a message in it that nobody has answered."""
    posted = await messages.post(scope, NewSession(agent_id=agent_id), "What is a transom?")
    return posted.seen[0].id, posted.message.id


async def test_a_run_has_an_agent_that_is_there_for_whoever_starts_it(scope: Scope, stranger: Scope) -> None:
    _, message_id = await asked(scope)
    deleted = await mine(scope)
    await agents.delete(scope, deleted)
    for agent_id in (await mine(stranger), uuid4(), deleted):
        with pytest.raises(NotFound) as refused:
            await producers.start(scope, message_id, agent_id=agent_id)
        assert refused.value.what == "agent"
    held = await producers.start(scope, message_id, agent_id=await mine(scope))
    ((only,),) = await runs.active(scope, [held.run.session_id])
    assert only.id == held.run.id


async def test_a_run_that_was_started_is_given_again_though_its_agent_was_deleted(scope: Scope) -> None:
    _, message_id = await asked(scope)
    agent_id, run_id = await mine(scope), uuid4()
    held = await producers.start(scope, message_id, run_id=run_id, agent_id=agent_id)
    await agents.delete(scope, agent_id)
    again = await producers.start(scope, message_id, run_id=run_id, agent_id=agent_id)
    assert again.run.id == held.run.id


async def test_what_a_rule_does_not_check_is_absent_too(scope: Scope, stranger: Scope) -> None:
    for agent_id in (await mine(stranger), uuid4()):
        with pytest.raises(NotFound) as refused:
            async with scope.write() as tx:
                tx.add(Session(owner_id=scope.viewer.id, agent_id=agent_id))
        assert refused.value.what == "agent"
    assert await sessions.count(scope, Filter()) == 0


async def test_a_member_writes_to_an_agent_of_the_owner_and_takes_it_nowhere(server: Server) -> None:
    async with server.process(produces=False) as started:
        owner, member = await viewer_of(started), await viewer_of(started)
        agent_id, other_id = await mine(owner), await mine(owner)
        session_id, message_id = await asked(owner, agent_id)
        await join(member, session_id, MemberRole.WRITER)
        sent = await messages.send(member, session_id, "Well?")
        await runs.cancel(member, sent.run.id)
        _, again = await retries.retry(member, sent.run.id)
        held = await producers.start(owner, message_id, agent_id=other_id, when_busy=WhenBusy.PARALLEL)
        await producers.finish(owner, held.run.id, 1, 0, runs.Outcome(RunStatus.CANCELLED))
        _, third = await retries.retry(member, held.run.id)
        assert [run.agent_id for run in (sent.run, again.run, third.run)] == [agent_id, agent_id, other_id]
        with pytest.raises(NotFound):
            await producers.start(member, message_id, agent_id=other_id)
        with pytest.raises(NotFound):
            await sessions.create(member, NewSession(agent_id=agent_id))
        fork, _ = await forks.fork(member, session_id, message_id)
        assert fork.agent_id is None


async def test_a_list_of_what_is_in_something_deleted_is_empty(scope: Scope) -> None:
    project, agent_id = await projects.create(scope, "Thesis"), await mine(scope)
    await sessions.create(scope, NewSession(project_id=project.id, agent_id=agent_id))
    wheres = [Filter(project_id=project.id), Filter(agent_id=agent_id)]
    assert [await sessions.count(scope, where) for where in wheres] == [1, 1]
    await projects.delete(scope, project.id)
    await agents.delete(scope, agent_id)
    assert [await sessions.count(scope, where) for where in wheres] == [0, 0]


async def test_of_different_things_made_at_once_with_one_id_there_is_one(server: Server) -> None:
    async with server.process(produces=False) as here, server.process(produces=False) as there:
        scope, stranger = await viewer_of(here), await viewer_of(there)
        _, message_id = await asked(stranger)
        for _ in range(10):
            id = uuid4()
            made = await asyncio.gather(
                projects.create(scope, "Thesis", project_id=id),
                folders.create(stranger, "Thesis", folder_id=id),
                sessions.create(scope, NewSession(id=id)),
                messages.post(stranger, NewSession(), "Hi", message_id=id),
                annotations.annotate(stranger, message_id, "Hm", annotation_id=id),
                return_exceptions=True,
            )
            assert sorted(isinstance(each, IdTaken) for each in made) == [False, True, True, True, True], made


async def test_the_id_of_an_annotation_is_taken_as_long_as_it_can_come_back(scope: Scope, stranger: Scope) -> None:
    session_id, message_id = await asked(scope)
    _, theirs = await asked(stranger)
    note = uuid4()
    await annotations.annotate(scope, message_id, "Really?", annotation_id=note)
    for gone in (False, True):
        if gone:
            await deletions.delete(scope, session_id, message_id, DeletionScope.MESSAGE)
        with pytest.raises(IdTaken):
            await projects.create(scope, "Thesis", project_id=note)
        with pytest.raises(IdTaken):
            await annotations.annotate(stranger, theirs, "Really!", annotation_id=note)
    await deletions.restore(scope, session_id, message_id, DeletionScope.MESSAGE)
    await annotations.remove_annotation(scope, message_id, note)
    await annotations.annotate(stranger, theirs, "Really!", annotation_id=note)
