"""Templates: what a session begins with, for their owner alone, live in every window."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from chat.conversation import messages, sessions
from chat.conversation.sessions import NewSession
from chat.library import agents, templates
from chat.library.agents import Character
from chat.library.templates import Answering, Outline, Said
from chat.refusals import IdTaken, InvalidInput, NotFound, TemplateConflict
from chat.runs import runs
from chat.scope import Scope
from db.models import MessageRole, RunStatus
from db.page import Span
from db.rows import Seen
from sync.events import AccountEvent, TemplateChanged
from sync.subscriber import Window
from tests.chat.conftest import head_of
from tests.organising.conftest import heard, windows

GREETING = (Said(MessageRole.USER, "I am new here."), Said(MessageRole.ASSISTANT, "Welcome!"))


async def path(scope: Scope, session_id: Any) -> list[tuple[str, str]]:
    """What is said in a session."""
    page, _ = await messages.page(scope, session_id, Span(100))
    return [(row.role.name, row.content) for row in page.rows]


async def seen(scope: Scope, session_id: Any) -> Seen:
    """A session in the list."""
    (found,) = await sessions.of_ids(scope, [session_id])
    assert found is not None
    return found


async def test_a_session_begins_with_its_instructions_and_what_is_said_already(scope: Scope) -> None:
    """1-51, 2-59."""
    agent = await agents.create(scope, Character(name="Guide"))
    outline = Outline(
        name="Tour", title="A tour", instructions="Be kind.", messages=GREETING, metadata={"kind": "tour", "step": 1}
    )
    template = await templates.create(scope, outline, agent_id=agent.id)
    session, _ = await sessions.create(scope, NewSession(template_id=template.id, metadata={"step": 2}))
    assert await path(scope, session.id) == [
        ("SYSTEM", "Be kind."),
        ("USER", "I am new here."),
        ("ASSISTANT", "Welcome!"),
    ]
    found = await seen(scope, session.id)
    assert (found.title, found.agent_id, found.meta) == ("A tour", agent.id, {"kind": "tour", "step": 2})
    assert (found.message_count, found.last_message_preview, found.head) == (3, "Welcome!", 3)
    assert (session.head, found.unread) == (3, False)
    assert await runs.active(scope, [session.id]) == [[]]


async def test_the_agent_speaks_first_if_it_is_to(scope: Scope) -> None:
    """1-34."""
    template = await templates.create(scope, Outline(name="Journey", instructions="Ask where to.", begins=True))
    session, _ = await sessions.create(scope, NewSession(template_id=template.id))
    assert await path(scope, session.id) == [("SYSTEM", "Ask where to."), ("ASSISTANT", "")]
    ((run,),) = await runs.active(scope, [session.id])
    assert run.status is RunStatus.QUEUED


async def test_who_says_something_at_once_is_not_spoken_to_first(scope: Scope) -> None:
    template = await templates.create(scope, Outline(name="Journey", instructions="Ask where to.", begins=True))
    sent = await messages.send(scope, NewSession(template_id=template.id, title="Mine"), "To Ulm.")
    assert await path(scope, sent.seen[0].id) == [("SYSTEM", "Ask where to."), ("USER", "To Ulm."), ("ASSISTANT", "")]
    assert sent.seen[0].title == "Mine"
    ((run,),) = await runs.active(scope, [sent.seen[0].id])
    assert run.id == sent.run.id


async def test_what_a_session_has_begun_with_stays(scope: Scope) -> None:
    template = await templates.create(scope, Outline(name="Tour", messages=GREETING))
    session, _ = await sessions.create(scope, NewSession(template_id=template.id))
    await templates.edit(scope, template.id, Outline(messages=()))
    await templates.delete(scope, template.id)
    assert await path(scope, session.id) == [("USER", "I am new here."), ("ASSISTANT", "Welcome!")]
    with pytest.raises(NotFound) as refused:
        await sessions.create(scope, NewSession(template_id=template.id))
    assert refused.value.what == "template"


async def test_an_agent_that_was_deleted_since_is_left_out(scope: Scope) -> None:
    agent = await agents.create(scope, Character(name="Guide"))
    template = await templates.create(scope, Outline(name="Tour"), agent_id=agent.id)
    await agents.delete(scope, agent.id)
    session, _ = await sessions.create(scope, NewSession(template_id=template.id))
    assert session.agent_id is None


async def told(opened: list[Window[AccountEvent]]) -> list[tuple[str, bool]]:
    """What each window is told next of a template: its name, and whether it is deleted."""
    found = [await heard(window, TemplateChanged) for window in opened]
    return [(event.row.name, event.row.deleted_at is not None) for event in found]


async def test_every_window_of_the_account_sees_it_and_nobody_else(
    patient: Scope, elsewhere: Scope, stranger: Scope
) -> None:
    mine = await templates.create(patient, Outline(name="Mine", messages=GREETING))
    async with windows(patient, elsewhere, stranger) as (*both, theirs):
        template = await templates.create(patient, Outline(name="Tour"))
        assert await told(both) == [("Tour", False)] * 2
        await templates.edit(patient, template.id, Outline(name="Journey"))
        assert await told(both) == [("Journey", False)] * 2
        await templates.delete(patient, template.id)
        assert await told(both) == [("Journey", True)] * 2
        assert await head_of(stranger) == 0
        own = await templates.create(stranger, Outline(name="Own"))
        assert await told([theirs]) == [("Own", False)]
        await templates.edit(stranger, own.id, Outline(name="Edited"))
        assert await told([theirs]) == [("Edited", False)]
    assert [each.id for each in await templates.everything(stranger)] == [own.id]
    assert await templates.of_ids(stranger, [mine.id]) == [None]
    for attempt in (
        templates.edit(stranger, mine.id, Outline(name="Theirs")),
        templates.delete(stranger, mine.id),
        sessions.create(stranger, NewSession(template_id=mine.id)),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(IdTaken):
        await templates.create(stranger, Outline(name="Theirs"), template_id=mine.id)
    assert await head_of(stranger) == 2


async def test_an_edit_sets_what_is_given_and_may_expect_a_version(scope: Scope) -> None:
    agent = await agents.create(scope, Character(name="Guide"))
    template = await templates.create(scope, Outline(name="Tour", title="T", instructions="I"), agent_id=agent.id)
    edited = await templates.edit(scope, template.id, Outline(title=""), agent=Answering(None), expected_version=1)
    assert (edited.name, edited.title, edited.instructions, edited.agent_id) == ("Tour", None, "I", None)
    with pytest.raises(TemplateConflict) as refused:
        await templates.edit(scope, template.id, Outline(name="Late"), expected_version=1)
    assert (refused.value.row.name, refused.value.row.version) == ("Tour", 2)


@pytest.mark.parametrize(
    ("outline", "field"),
    [
        (Outline(name=" "), "name"),
        (Outline(name="T", messages=[Said(MessageRole.USER, "")]), "messages"),
        (Outline(name="T", messages=[Said(MessageRole.USER, "Hi")] * 51), "messages"),
        (Outline(name="T", instructions="x" * 100_001), "instructions"),
        (Outline(name="T", begins=True), "begins"),
        (Outline(name="T", metadata=[]), "metadata"),
    ],
)
async def test_what_cannot_be_a_template_is_refused(scope: Scope, outline: Outline, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await templates.create(scope, outline)
    assert refused.value.field == field
    assert await templates.everything(scope) == []


async def test_an_agent_that_speaks_first_keeps_something_to_go_on_from(scope: Scope) -> None:
    template = await templates.create(scope, Outline(name="Journey", instructions="Ask where to.", begins=True))
    with pytest.raises(InvalidInput):
        await templates.edit(scope, template.id, Outline(instructions=""))


async def test_a_clients_id_makes_one_template(scope: Scope) -> None:
    id = uuid4()
    made = await asyncio.gather(*(templates.create(scope, Outline(name="Tour"), template_id=id) for _ in range(4)))
    assert {template.id for template in made} == {id}
    assert len(await templates.everything(scope)) == 1
