"""Sizes: how long a message, and how large metadata may be, by the settings, for one account, and with one agent."""

from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import orjson
import pytest

from chat.conversation import edits, messages, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.library import agents, projects, templates
from chat.library.agents import Character
from chat.library.templates import Outline, Said
from chat.policy import METADATA, TEXT
from chat.quotas import sizes
from chat.refusals import InvalidInput
from chat.runs import queues
from chat.scope import Repeated
from db.models import MessageRole
from tests.conftest import viewer_of
from tests.limits.conftest import Limiting, keyed, set_for
from tests.sync.talk import at

BIG = {"a": "x" * 30}


async def refused(call: Awaitable[object], match: str) -> None:
    """The call is refused for a size."""
    with pytest.raises(InvalidInput, match=match):
        await call


async def test_a_message_is_as_long_as_the_settings_allow_wherever_it_is_said(limiting: Limiting) -> None:
    """1-60, 3-24."""
    scope = await limiting(message_characters=5)
    said = await messages.send(scope, NewSession(), "Hello")
    session_id = said.seen[0].id
    queued = await messages.send(scope, session_id, "And?", when_busy=WhenBusy.QUEUE)
    why = "A message has at most 5 characters; this one has 6"
    await refused(messages.post(scope, session_id, "Hello!"), why)
    await refused(messages.post(scope, NewSession(), "Hello!"), why)
    await refused(messages.send(scope, session_id, "Hello!", when_busy=WhenBusy.QUEUE), why)
    await refused(edits.edit(scope, said.message.id, "Hello!"), why)
    await refused(edits.revise(scope, said.message.id, text="Hello!"), why)
    await refused(queues.edit(scope, queued.run.id, "Hello!"), why)
    greeting = Outline(name="Greeting", messages=[Said(MessageRole.ASSISTANT, "Hello!")])
    await refused(templates.create(scope, greeting), why)
    assert await messages.count(scope, session_id) == 4


async def test_metadata_is_as_large_as_the_settings_allow_wherever_it_is(limiting: Limiting) -> None:
    """0-40."""
    scope = await limiting(metadata_bytes=len(orjson.dumps(BIG)) - 1)
    said = await messages.post(scope, NewSession(metadata={"a": "x"}), "Hi", metadata={"a": "x"})
    project = await projects.create(scope, "One", metadata={"a": "x"})
    agent = await agents.create(scope, Character(name="Tutor"))
    template = await templates.create(scope, Outline(name="Lesson"))
    session_id = said.seen[0].id
    why = "It has at most 37 bytes as JSON; this one has 38"
    big: dict[str, Any] = {"metadata": BIG}
    await refused(messages.post(scope, session_id, "Hi", **big), why)
    await refused(edits.revise(scope, said.message.id, **big), why)
    await refused(sessions.create(scope, NewSession(metadata=BIG)), why)
    await refused(sessions.edit(scope, session_id, **big), why)
    await refused(projects.create(scope, "Two", **big), why)
    await refused(projects.edit(scope, project.id, **big), why)
    await refused(agents.create(scope, Character(name="Coach", metadata=BIG)), why)
    await refused(agents.edit(scope, agent.id, Character(metadata=BIG)), why)
    await refused(templates.create(scope, Outline(name="Course", metadata=BIG)), why)
    await refused(templates.edit(scope, template.id, Outline(metadata=BIG)), why)
    assert (await messages.count(scope, session_id), await projects.count(scope)) == (1, 1)


async def test_an_operator_sets_other_sizes_for_one_account(limiting: Limiting) -> None:
    process = await limiting.process(message_characters=5)
    scope, other = await viewer_of(process), await viewer_of(process)
    await set_for(scope, message_characters=0, metadata_bytes=10)
    await messages.post(scope, NewSession(), "Hello!")
    await refused(messages.post(scope, NewSession(), "Hi", metadata=BIG), "at most 10 bytes")
    await refused(messages.post(other, NewSession(), "Hello!"), "at most 5 characters")
    await messages.post(other, NewSession(), "Hi", metadata=BIG)
    assert await sizes.largest(scope) == {"message_characters": TEXT, "metadata_bytes": 10}
    assert await sizes.largest(other) == {"message_characters": 5, "metadata_bytes": METADATA}


async def test_an_agent_allows_less_but_never_more(limiting: Limiting) -> None:
    """1-60."""
    scope = await limiting(message_characters=5)
    brief = await agents.create(scope, Character(name="Brief", limits={"message_characters": 2}))
    talker = await agents.create(scope, Character(name="Talker", limits={"message_characters": 7}))
    why = "A message to Brief has at most 2 characters; this one has 3"
    await refused(messages.post(scope, NewSession(agent_id=brief.id), "Hey"), why)
    said = await messages.send(scope, NewSession(agent_id=brief.id), "Hi")
    await refused(edits.revise(scope, said.message.id, text="Hey"), why)
    queued = await messages.send(scope, said.seen[0].id, "Hm", when_busy=WhenBusy.QUEUE)
    await refused(queues.edit(scope, queued.run.id, "Hey"), why)
    await refused(messages.post(scope, NewSession(agent_id=talker.id), "Hello!!!"), "A message has at most 5 ch")
    await messages.post(scope, NewSession(agent_id=talker.id), "Hello")
    template = await templates.create(scope, Outline(name="Short"), agent_id=brief.id)
    await refused(messages.post(scope, NewSession(template_id=template.id), "Hey"), why)
    await refused(agents.edit(scope, brief.id, Character(limits={"message_characters": 0})), "Each rate is from 1 to")
    too_long = Character(limits={"message_characters": TEXT + 1})
    await refused(agents.edit(scope, brief.id, too_long), "the characters of a message from 1 to 200,000")


async def test_a_repetition_is_answered_though_less_is_allowed_by_then(limiting: Limiting) -> None:
    """A client that did not hear the answer gets it, whatever an operator did meanwhile."""
    scope, new, said = await limiting(), NewSession(id=uuid4()), uuid4()
    first = await messages.post(scope, new, "Hello!", message_id=said, metadata=BIG)
    await edits.revise(keyed(scope, "once"), said, text="Hello, hello!")
    now = at(scope, await limiting.process(message_characters=5, metadata_bytes=10))
    again = await messages.post(now, new, "Hello!", message_id=said, metadata=BIG)
    assert again.message.id == first.message.id
    with pytest.raises(Repeated):
        await edits.revise(keyed(now, "once"), said, text="Hello, hello!")
