"""Sessions: made once, edited field by field, seen by their members alone."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import select

from chat.conversation import messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import agents, nodes, projects
from chat.library.agents import Character
from chat.refusals import IdTaken, InvalidInput, NotAllowed, NotFound
from chat.scope import Scope
from db.listing import Filter
from db.models import Agent, MemberRole, Membership, TitleSource
from db.page import Span
from sync.events import SessionChanged
from tests.chat.conftest import head_of, join
from tests.organising.conftest import heard, windows


async def agent_of(scope: Scope | None, process_of: Scope) -> Agent:
    """An agent of a viewer's, or the one for everybody."""
    async with process_of.process.db.system() as tx:
        if scope is None:
            return (await tx.scalars(select(Agent).where(Agent.owner_id.is_(None)))).one()
        agent = Agent(owner_id=scope.viewer.id, name="Critic")
        tx.add(agent)
    return agent


async def test_a_session_has_what_it_was_given(scope: Scope) -> None:
    """0-6, 1-9, 3-2."""
    project = await projects.create(scope, "Thesis")
    agent = await agent_of(None, scope)
    new = NewSession(
        project_id=project.id, agent_id=agent.id, title=" Plans ", external_id="chat-1", metadata={"tab": 2}
    )
    session, member = await sessions.create(scope, new)
    assert (session.title, session.title_source, session.external_id) == ("Plans", TitleSource.PERSON, "chat-1")
    assert (session.project_id, session.agent_id, session.meta) == (project.id, agent.id, {"tab": 2})
    assert (session.message_count, session.last_message_preview, session.head) == (0, None, 0)
    assert (member.role, member.archived_at, member.seq) == (MemberRole.OWNER, None, await head_of(scope))
    found = await sessions.get(scope, session.id)
    assert found is not None
    assert found[0].external_id == "chat-1"


async def test_an_empty_session_has_no_title(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    assert (session.title, session.title_source) == (None, TitleSource.NONE)


async def test_making_a_session_again_gives_the_first_one(scope: Scope) -> None:
    """1-63e."""
    id = uuid4()
    await sessions.create(scope, NewSession(id=id, title="First"))
    again, _ = await sessions.create(scope, NewSession(id=id, title="Second"))
    assert (again.title, await sessions.count(scope, Filter()), await head_of(scope)) == ("First", 1, 1)


async def test_making_a_session_several_times_at_once_makes_one(scope: Scope) -> None:
    """1-63e."""
    new = NewSession(id=uuid4(), external_id="chat-1")
    made = await asyncio.gather(*(sessions.create(scope, new) for _ in range(4)))
    assert {session.id for session, _ in made} == {new.id}
    assert await sessions.count(scope, Filter()) == 1


async def test_the_id_of_somebody_else_is_taken(scope: Scope, stranger: Scope) -> None:
    theirs, _ = await sessions.create(stranger, NewSession(title="Secret"))
    with pytest.raises(IdTaken) as refused:
        await sessions.create(scope, NewSession(id=theirs.id, external_id="chat-1"))
    assert (refused.value.field, "Secret" in refused.value.reason) == ("id", False)
    assert await sessions.count(scope, Filter()) == 0


async def test_an_external_id_is_an_accounts_own(scope: Scope, stranger: Scope) -> None:
    """0-6."""
    await sessions.create(scope, NewSession(external_id="chat-1"))
    await sessions.create(stranger, NewSession(external_id="chat-1"))
    with pytest.raises(IdTaken) as refused:
        await sessions.create(scope, NewSession(id=uuid4(), external_id="chat-1"))
    assert refused.value.field == "externalId"


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewSession(title=" "), "title"),
        (NewSession(title="x" * 256), "title"),
        (NewSession(external_id=""), "externalId"),
        (NewSession(metadata=["a"]), "metadata"),
    ],
)
async def test_what_cannot_be_stored_is_refused(scope: Scope, new: NewSession, field: str) -> None:
    """2-48, 3-3."""
    with pytest.raises(InvalidInput) as refused:
        await sessions.create(scope, new)
    assert refused.value.field == field
    assert (await sessions.count(scope, Filter()), await head_of(scope)) == (0, 0)


async def test_a_session_cannot_be_linked_to_what_is_somebody_elses(scope: Scope, stranger: Scope) -> None:
    """1-24, 1-25."""
    project = await projects.create(stranger, "Theirs")
    agent = await agent_of(stranger, scope)
    session, _ = await sessions.create(scope, NewSession())
    for project_id, agent_id in ((project.id, None), (uuid4(), None), (None, agent.id), (None, uuid4())):
        new = NewSession(project_id=project_id, agent_id=agent_id)
        links = {"project_id": project_id, "agent_id": agent_id}
        for attempt in (sessions.create(scope, new), sessions.edit(scope, session.id, links=links)):
            with pytest.raises(NotFound) as refused:
                await attempt
            assert refused.value.reason == str(NotFound("project" if project_id else "agent"))


async def test_an_edit_sets_the_fields_that_are_given(scope: Scope) -> None:
    """1-42, 3-17."""
    project = await projects.create(scope, "Thesis")
    made, _ = await sessions.create(scope, NewSession(title="Plans", metadata={"tab": 2}))
    renamed, _ = await sessions.edit(scope, made.id, title="More plans")
    assert (renamed.title, renamed.meta, renamed.project_id) == ("More plans", {"tab": 2}, None)
    moved, _ = await sessions.edit(scope, made.id, links={"project_id": project.id}, metadata={})
    assert (moved.title, moved.meta, moved.project_id) == ("More plans", {}, project.id)
    out, _ = await sessions.edit(scope, made.id, links={"project_id": None})
    assert (out.title, out.project_id) == ("More plans", None)


async def test_every_window_sees_which_project_and_agent_a_session_is_moved_to(
    patient: Scope, elsewhere: Scope
) -> None:
    """1-42, 3-17."""
    project, agent = await projects.create(patient, "Thesis"), await agents.create(patient, Character(name="Tutor"))
    session, _ = await sessions.create(patient, NewSession())
    async with windows(patient, elsewhere) as both:
        for project_id, agent_id in ((project.id, None), (project.id, agent.id), (None, agent.id), (None, None)):
            await sessions.edit(patient, session.id, links={"project_id": project_id, "agent_id": agent_id})
            for window in both:
                row = (await heard(window, SessionChanged)).row
                assert (row.id, row.project_id, row.agent_id) == (session.id, project_id, agent_id)


async def test_an_edit_moves_the_session_in_no_list_and_is_told_to_all_members(scope: Scope, stranger: Scope) -> None:
    made, _ = await sessions.create(scope, NewSession(title="Plans"))
    await join(stranger, made.id, MemberRole.WRITER)
    before = (await head_of(scope), await head_of(stranger))
    edited, member = await sessions.edit(stranger, made.id, title="Our plans")
    assert edited.last_activity_at == made.last_activity_at
    assert (await head_of(scope), await head_of(stranger)) == (before[0] + 1, before[1] + 1)
    assert member.user_id == stranger.viewer.id


async def test_putting_a_session_away_is_a_members_own_affair(scope: Scope, stranger: Scope) -> None:
    """1-49, 4-8."""
    made, _ = await sessions.create(scope, NewSession())
    await join(stranger, made.id, MemberRole.READER)
    before = await head_of(scope)
    _, put_away = await sessions.edit(stranger, made.id, personal=Personal(archived=True))
    assert put_away.archived_at is not None
    _, again = await sessions.edit(stranger, made.id, personal=Personal(archived=True))
    assert again.archived_at == put_away.archived_at
    found = await sessions.get(scope, made.id)
    assert found is not None
    assert (found[1].archived_at, await head_of(scope)) == (None, before)
    _, back = await sessions.edit(stranger, made.id, personal=Personal(archived=False))
    assert back.archived_at is None


async def test_renaming_and_putting_away_is_one_change(scope: Scope) -> None:
    made, _ = await sessions.create(scope, NewSession())
    before = await head_of(scope)
    session, member = await sessions.edit(scope, made.id, title="Old", personal=Personal(archived=True))
    assert (session.title, member.archived_at is not None, member.seq) == ("Old", True, before + 1)
    assert await head_of(scope) == before + 1


async def test_a_reader_edits_nothing(scope: Scope, stranger: Scope) -> None:
    made, _ = await sessions.create(scope, NewSession(title="Plans"))
    await join(stranger, made.id, MemberRole.READER)
    with pytest.raises(NotAllowed):
        await sessions.edit(stranger, made.id, title="Mine")
    with pytest.raises(NotAllowed):
        await messages.send(stranger, made.id, "Hi")
    found = await sessions.get(scope, made.id)
    assert found is not None
    assert (found[0].title, found[0].message_count) == ("Plans", 0)


async def test_only_the_owner_deletes_a_session(scope: Scope, stranger: Scope) -> None:
    made, _ = await sessions.create(scope, NewSession())
    await join(stranger, made.id, MemberRole.WRITER)
    with pytest.raises(NotAllowed):
        await sessions.delete(stranger, made.id)
    assert await sessions.get(stranger, made.id) is not None


async def test_a_deleted_session_is_gone_for_all_its_members(scope: Scope, stranger: Scope) -> None:
    """1-10, 2-47, 3-18."""
    sent = await messages.send(scope, NewSession(), "Hi")
    id = sent.message.session_id
    await join(stranger, id, MemberRole.WRITER)
    before = await head_of(stranger)
    deleted, _ = await sessions.delete(scope, id)
    assert deleted.deleted_at is not None
    assert await head_of(stranger) == before + 1
    for viewer in (scope, stranger):
        assert await sessions.get(viewer, id) is None
        assert await sessions.of_ids(viewer, [id]) == [None]
        assert await sessions.count(viewer, Filter()) == 0
        with pytest.raises(NotFound):
            await messages.send(viewer, id, "Still there?")
        with pytest.raises(NotFound):
            await messages.page(viewer, id, Span(10))
        with pytest.raises(NotFound):
            await sessions.edit(viewer, id, title="Back")
        with pytest.raises(NotFound):
            await sessions.delete(viewer, id)
    with pytest.raises(NotFound):
        await sessions.create(scope, NewSession(id=id))
    with pytest.raises(NotFound):
        await messages.send(scope, NewSession(id=id), "Again")


async def test_a_stranger_sees_and_changes_nothing(scope: Scope, stranger: Scope) -> None:
    """1-23, 1-53, 1-55, 3-16."""
    sent = await messages.send(scope, NewSession(title="Plans"), "Hi")
    id = sent.message.session_id
    assert await sessions.get(stranger, id) is None
    assert await sessions.of_ids(stranger, [id]) == [None]
    assert await messages.of_ids(stranger, [sent.message.id, sent.reply.id]) == [None, None]
    assert await nodes.kinds(stranger, [id, sent.message.id, sent.run.id]) == {}
    for attempt in (
        sessions.edit(stranger, id, title="Mine"),
        sessions.edit(stranger, id, personal=Personal(archived=True)),
        sessions.delete(stranger, id),
        messages.send(stranger, id, "Hi"),
        messages.page(stranger, id, Span(10)),
        messages.count(stranger, id),
    ):
        with pytest.raises(NotFound) as refused:
            await attempt
        assert refused.value.reason == str(NotFound("session"))
    found = await sessions.get(scope, id)
    assert found is not None
    assert (found[0].title, found[0].message_count) == ("Plans", 2)


async def test_every_object_of_the_viewer_is_known_by_its_id(scope: Scope) -> None:
    project = await projects.create(scope, "Thesis")
    sent = await messages.send(scope, NewSession(project_id=project.id), "Hi")
    agent = await agent_of(None, scope)
    kinds = {
        project.id: "project",
        sent.message.session_id: "session",
        sent.message.id: "message",
        sent.reply.id: "message",
        sent.run.id: "run",
        agent.id: "agent",
    }
    assert await nodes.kinds(scope, [*kinds, uuid4()]) == kinds
    assert await nodes.kinds(scope, []) == {}


async def test_each_change_takes_a_number_of_its_own(scope: Scope) -> None:
    """Sessions that change at the same time are each told to the account."""
    made = [(await sessions.create(scope, NewSession()))[0].id for _ in range(8)]
    before = await head_of(scope)
    await asyncio.gather(*(messages.send(scope, id, "Hi") for id in made))
    async with scope.process.db.system() as tx:
        seqs = sorted(await tx.scalars(select(Membership.seq)))
    assert seqs == list(range(before + 1, before + 9))
    assert await head_of(scope) == before + 8
