"""Agents of one's own: made once, changed field by field, and with as many active sessions as they allow."""

import asyncio
from uuid import UUID, uuid4

import pytest

from chat.conversation import messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import agents, nodes
from chat.library.agents import Character
from chat.refusals import AgentConflict, IdTaken, InvalidInput, NotAllowed, NotFound, QuotaExceeded
from chat.scope import Scope
from db.listing import Filter
from db.models import Agent, RunStatus, WhenFull
from db.page import Span
from llm.catalogs import Catalog, Provider
from llm.scripted import ScriptedModel
from sync.events import AccountEvent, AgentChanged
from sync.subscriber import Window
from tests.chat.conftest import head_of
from tests.conftest import Server
from tests.organising.conftest import heard, shows, windows
from tests.sync.talk import ask, has_status


async def everybodys(scope: Scope) -> Agent:
    """The agent that is there from the start."""
    (agent,) = (await agents.page(scope, Span(10))).rows
    return agent


async def test_an_agent_has_what_it_was_given(scope: Scope) -> None:
    """3-8."""
    made = await agents.create(
        scope,
        Character(
            name=" Tutor ",
            description="Explains.",
            instructions="Be patient.",
            provider="scripted",
            model="small",
            parameters={"temperature": 0.2},
            metadata={"icon": "owl"},
            active_sessions=5,
            when_full=WhenFull.ARCHIVE_OLDEST,
        ),
    )
    (found,) = await agents.of_ids(scope, [made.id])
    assert found is not None
    assert (found.name, found.description, found.instructions) == ("Tutor", "Explains.", "Be patient.")
    assert (found.provider, found.model, found.parameters) == ("scripted", "small", {"temperature": 0.2})
    assert (found.meta, found.active_sessions, found.when_full) == ({"icon": "owl"}, 5, WhenFull.ARCHIVE_OLDEST)
    assert (found.owner_id, found.version, found.seq) == (scope.viewer.id, 1, await head_of(scope))


async def test_agents_are_listed_newest_first_page_by_page(scope: Scope) -> None:
    """A client's own ids say nothing of their age. The first agent of all is that for everybody."""
    made = [await agents.create(scope, Character(name=f"{number}"), agent_id=uuid4()) for number in range(5)][::-1]
    first = await agents.page(scope, Span(2))
    assert [row.id for row in first.rows] == [agent.id for agent in made[:2]]
    rest = await agents.page(scope, Span(10, after=(made[1].created_at, made[1].id)))
    assert [row.id for row in rest.rows[:3]] == [agent.id for agent in made[2:]]
    assert [row.owner_id for row in rest.rows[3:]] == [None]


async def test_making_an_agent_several_times_at_once_makes_one(scope: Scope) -> None:
    id = uuid4()
    made = await asyncio.gather(*(agents.create(scope, Character(name="Tutor"), agent_id=id) for _ in range(4)))
    assert {agent.id for agent in made} == {id}
    assert (await agents.count(scope), await head_of(scope)) == (2, 1)


async def test_an_edit_sets_the_fields_that_are_given_and_blank_text_takes_one_away(scope: Scope) -> None:
    made = await agents.create(scope, Character(name="Tutor", instructions="Be patient.", active_sessions=5))
    edited = await agents.edit(scope, made.id, Character(description="Explains.", instructions=" "))
    assert (edited.name, edited.description, edited.instructions) == ("Tutor", "Explains.", None)
    assert (edited.active_sessions, edited.version) == (5, 2)
    assert (await agents.edit(scope, made.id, Character(active_sessions=0))).active_sessions is None


async def test_an_edit_of_another_version_is_refused_with_the_agent_as_it_is(scope: Scope) -> None:
    made = await agents.create(scope, Character(name="Tutor"))
    await agents.edit(scope, made.id, Character(name="Coach"), expected_version=1)
    with pytest.raises(AgentConflict) as refused:
        await agents.edit(scope, made.id, Character(name="Guru"), expected_version=1)
    assert (refused.value.row.name, refused.value.row.version) == ("Coach", 2)


async def test_the_model_is_told_what_the_agent_says_when_it_answers(
    server: Server, scope: Scope, model: ScriptedModel
) -> None:
    made = await agents.create(scope, Character(name="Tutor", instructions="Be patient.", parameters={"top_p": 0.5}))
    session, _ = await sessions.create(scope, NewSession(agent_id=made.id, title="Sums"))
    await agents.edit(scope, made.id, Character(instructions="Be brief."))
    sent = await ask(scope, session.id)
    async with server.process():
        await model.until_asked(1)
        await model.say("Two.", end=True)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    assert (model.requests[0].instructions, model.requests[0].parameters) == ("Be brief.", {"top_p": 0.5})


async def test_a_provider_that_the_server_does_not_have_is_refused(scope: Scope) -> None:
    said = "The model provider 'gone' is not set up. Set up: scripted."
    made = await agents.create(scope, Character(name="Tutor"))
    for change in (
        agents.create(scope, Character(name="Coach", provider="gone")),
        agents.edit(scope, made.id, Character(name="Coach", provider="gone")),
    ):
        with pytest.raises(InvalidInput) as refused:
            await change
        assert (refused.value.field, refused.value.reason) == ("provider", said)
    (found,) = await agents.of_ids(scope, [made.id])
    assert found is not None
    assert (found.name, found.version, await agents.count(scope)) == ("Tutor", 1, 2)


async def test_an_agent_whose_provider_has_gone_is_still_there(server: Server, scope: Scope) -> None:
    id = uuid4()
    character = Character(name="Tutor", provider="scripted", model="small", parameters={"seed": 1})
    await agents.create(scope, character, agent_id=id)
    claude = Provider("claude", "anthropic", "http://127.0.0.1:1", "sk-1")
    await server.models.renew(Catalog.of(claude))

    assert (await agents.create(scope, character, agent_id=id)).id == id
    assert (await agents.edit(scope, id, Character(name="Coach"))).name == "Coach"
    for change, field in (
        (Character(model="large"), "provider"),
        (Character(provider=""), "parameters"),
        (Character(provider="claude"), "parameters"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await agents.edit(scope, id, change)
        assert refused.value.field == field
    moved = await agents.edit(scope, id, Character(provider="claude", parameters={}))
    assert (moved.provider, moved.parameters) == ("claude", {})


async def test_a_deleted_agent_is_gone_and_its_sessions_stay(scope: Scope) -> None:
    made = await agents.create(scope, Character(name="Tutor", instructions="Be patient."))
    session, _ = await sessions.create(scope, NewSession(agent_id=made.id, title="Sums"))
    await agents.delete(scope, made.id)
    assert await agents.of_ids(scope, [made.id]) == [None]
    assert await agents.count(scope) == 1
    for change in (agents.delete(scope, made.id), agents.edit(scope, made.id, Character(name="Again"))):
        with pytest.raises(NotFound):
            await change
    with pytest.raises(IdTaken):
        await agents.create(scope, Character(name="Tutor"), agent_id=made.id)
    assert await sessions.get(scope, session.id) is not None


async def told(opened: list[Window[AccountEvent]]) -> list[tuple[str, bool]]:
    """What each window is told next of an agent: its name, and whether it is deleted."""
    found = [await heard(window, AgentChanged) for window in opened]
    return [(event.row.name, event.row.deleted_at is not None) for event in found]


async def test_every_window_hears_of_agents(patient: Scope, elsewhere: Scope) -> None:
    async with windows(patient, elsewhere) as both:
        made = await agents.create(patient, Character(name="Tutor"))
        assert await told(both) == [("Tutor", False)] * 2
        await agents.edit(patient, made.id, Character(name="Coach"))
        assert await told(both) == [("Coach", False)] * 2
        await agents.delete(patient, made.id)
        assert await told(both) == [("Coach", True)] * 2


async def test_a_stranger_sees_and_changes_nothing(scope: Scope, stranger: Scope) -> None:
    made = await agents.create(scope, Character(name="Tutor"))
    assert await agents.of_ids(stranger, [made.id]) == [None]
    assert await agents.count(stranger) == 1
    assert await nodes.kinds(stranger, [made.id]) == {}
    for change in (agents.delete(stranger, made.id), agents.edit(stranger, made.id, Character(name="Mine"))):
        with pytest.raises(NotFound):
            await change
    with pytest.raises(IdTaken):
        await agents.create(stranger, Character(name="Mine"), agent_id=made.id)
    with pytest.raises(NotFound):
        await sessions.create(stranger, NewSession(agent_id=made.id))


async def test_an_agent_for_everybody_is_nobodys_to_change(scope: Scope) -> None:
    agent = await everybodys(scope)
    for change in (agents.delete(scope, agent.id), agents.edit(scope, agent.id, Character(name="Mine"))):
        with pytest.raises(NotAllowed):
            await change
    assert (await everybodys(scope)).name == "Assistant"


@pytest.mark.parametrize(
    ("character", "field"),
    [
        (Character(), "name"),
        (Character(name="x" * 256), "name"),
        (Character(name="Tutor", description="x" * 2_001), "description"),
        (Character(name="Tutor", instructions="x" * 100_001), "instructions"),
        (Character(name="Tutor", parameters=[1]), "parameters"),
        (Character(name="Tutor", metadata="x"), "metadata"),
        (Character(name="Tutor", active_sessions=-1), "activeSessions"),
        (Character(name="Tutor", active_sessions=10_001), "activeSessions"),
    ],
)
async def test_what_cannot_be_used_is_refused(scope: Scope, character: Character, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await agents.create(scope, character)
    assert refused.value.field == field
    assert await head_of(scope) == 0


async def active(scope: Scope) -> list[str | None]:
    """The titles of the viewer's sessions that are not archived, the newest first."""
    page = (await sessions.page(scope, Span(20), Filter(archived=False))).page
    return [row.title for row in page.rows]


async def test_an_agent_that_is_full_takes_no_more_sessions(scope: Scope) -> None:
    """3-8, 3-13."""
    agent = await agents.create(scope, Character(name="Tutor", active_sessions=2))
    first, second = [
        (await sessions.create(scope, NewSession(agent_id=agent.id, title=title)))[0] for title in ("one", "two")
    ]
    with pytest.raises(QuotaExceeded) as refused:
        await sessions.create(scope, NewSession(agent_id=agent.id, title="three"))
    assert (refused.value.limit, refused.value.used, refused.value.reset_at) == (2, 2, None)
    await sessions.edit(scope, first.id, personal=Personal(archived=True))
    await sessions.create(scope, NewSession(agent_id=agent.id, title="three"))
    with pytest.raises(QuotaExceeded):
        await sessions.edit(scope, first.id, personal=Personal(archived=False))
    other, _ = await sessions.create(scope, NewSession(title="other"))
    with pytest.raises(QuotaExceeded):
        await sessions.edit(scope, other.id, links={"agent_id": agent.id})
    await sessions.edit(scope, second.id, title="two, renamed")
    assert set(await active(scope)) == {"two, renamed", "three", "other"}


async def test_an_agent_may_archive_the_oldest_session_for_a_new_one(scope: Scope) -> None:
    """3-8, 3-13."""
    agent = await agents.create(scope, Character(name="Tutor", active_sessions=2, when_full=WhenFull.ARCHIVE_OLDEST))
    made = [
        (await sessions.create(scope, NewSession(agent_id=agent.id, title=title)))[0].id
        for title in ("one", "two", "three")
    ]
    assert await active(scope) == ["three", "two"]
    await sessions.edit(scope, made[0], personal=Personal(archived=False))
    assert set(await active(scope)) == {"one", "three"}


async def test_every_window_sees_what_is_archived_for_another_session(patient: Scope, elsewhere: Scope) -> None:
    """3-8, 3-13: for one that begins, empty or with a message; that comes back; or that changes to the agent."""
    tutor = Character(name="Tutor", active_sessions=1, when_full=WhenFull.ARCHIVE_OLDEST)
    agent_id = (await agents.create(patient, tutor)).id
    one, _ = await sessions.create(patient, NewSession(agent_id=agent_id))
    other, _ = await sessions.create(patient, NewSession())
    async with windows(patient, elsewhere) as both:

        async def archived(session_id: UUID) -> None:
            for window in both:
                await shows(window, session_id, lambda seen: seen.archived_at is not None)

        two, _ = await sessions.create(patient, NewSession(agent_id=agent_id))
        await archived(one.id)
        three = await messages.post(patient, NewSession(agent_id=agent_id), "Hi")
        await archived(two.id)
        await sessions.edit(patient, two.id, personal=Personal(archived=False))
        await archived(three.seen[0].id)
        await sessions.edit(patient, other.id, links={"agent_id": agent_id})
        await archived(two.id)


async def test_of_many_sessions_begun_at_once_no_more_than_the_limit_are_active(scope: Scope) -> None:
    agent = await agents.create(scope, Character(name="Tutor", active_sessions=3))
    begun = await asyncio.gather(
        *(sessions.create(scope, NewSession(agent_id=agent.id, title=str(number))) for number in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, QuotaExceeded) for each in begun) == 5
    assert len(await active(scope)) == 3


async def test_each_member_has_a_limit_of_their_own(scope: Scope, stranger: Scope) -> None:
    agent = await everybodys(scope)
    async with scope.process.db.system() as tx:
        (await tx.merge(agent)).active_sessions = 1
    for each in (scope, stranger):
        await sessions.create(each, NewSession(agent_id=agent.id, title="one"))
        with pytest.raises(QuotaExceeded):
            await sessions.create(each, NewSession(agent_id=agent.id, title="two"))


@pytest.mark.parametrize(
    "parameters", [{"max_tokens": 0}, {"stop": [""]}, {"stop": ""}, {"temperature": 3}, {"silence": 0}, {"top_k": 1}]
)
async def test_parameters_that_no_reply_could_be_asked_for_with_are_refused(
    scope: Scope, parameters: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput, match="parameter") as refused:
        await agents.create(scope, Character(name="A", parameters=parameters))
    assert refused.value.field == "parameters"
    mine = await agents.create(scope, Character(name="A", parameters={"max_tokens": 5, "silence": 300}))
    with pytest.raises(InvalidInput, match="parameter"):
        await agents.edit(scope, mine.id, Character(parameters=parameters))
