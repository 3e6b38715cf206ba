"""Titles: the first words at once, the model's own a little later, a person's above both."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conversation import first_words, messages, sessions
from chat.conversation.sessions import NewSession
from chat.runs import titles
from chat.runtime import Life
from chat.scope import Scope
from db import texts
from db.models import Session, TitleSource
from llm.errors import ModelError, ModelErrorCode
from llm.events import FinishReason
from llm.scripted import ScriptedModel
from tests.chat.conftest import head_of
from tests.conftest import Server


@pytest.fixture
async def alive(server: Server) -> AsyncIterator[Life]:
    """A process that has replies written."""
    async with server.process() as started:
        yield started


async def titled(scope: Scope, sent: messages.Exchange) -> tuple[str | None, TitleSource]:
    """The session's title and whose it is."""
    async with scope.process.db.system() as tx:
        session = await tx.get_one(Session, sent.message.session_id)
    return session.title, session.title_source


async def until_settled() -> None:
    """Waits until no reply and no title is under way."""
    async with asyncio.timeout(10):
        while under_way := [task for task in asyncio.all_tasks() if task.get_name().startswith(("run ", "title "))]:
            await asyncio.wait(under_way)


async def exchange(scope: Scope, model: ScriptedModel, text: str = "What is a transom?") -> messages.Exchange:
    """A first message, its reply, and the model's being asked for a title."""
    reply, title = model.script(), model.script()
    sent = await messages.send(scope, NewSession(), text)
    await reply.say("A bar.", end=True)
    await model.until_asked(2)
    assert title.request is not None
    return sent


async def test_the_model_gives_a_better_title_after_the_first_exchange(scope: Scope, model: ScriptedModel) -> None:
    """1-4, 1-20."""
    sent = await exchange(scope, model)
    assert await titled(scope, sent) == ("What is a transom?", TitleSource.FIRST_WORDS)
    before = await head_of(scope)
    await model.say(' "Parts of a window."\n', end=True)
    await until_settled()
    assert await titled(scope, sent) == ("Parts of a window", TitleSource.MODEL)
    assert await head_of(scope) == before + 1
    (turn,) = model.requests[1].turns
    assert "What is a transom?" in str(turn)
    assert "A bar." in str(turn)


async def test_a_persons_title_is_never_overwritten_by_the_models(scope: Scope, model: ScriptedModel) -> None:
    sent = await exchange(scope, model)
    await sessions.edit(scope, sent.message.session_id, title="Mine")
    before = await head_of(scope)
    await model.say("Parts of a window", end=True)
    await until_settled()
    assert await titled(scope, sent) == ("Mine", TitleSource.PERSON)
    assert await head_of(scope) == before


async def test_a_session_that_has_a_title_of_a_person_is_not_asked_about(scope: Scope, model: ScriptedModel) -> None:
    sent = await messages.send(scope, NewSession(title="Mine"), "What is a transom?")
    await model.say("A bar.", end=True)
    await until_settled()
    assert await titled(scope, sent) == ("Mine", TitleSource.PERSON)
    assert len(model.requests) == 1


async def test_a_late_title_does_not_revive_a_deleted_session(scope: Scope, model: ScriptedModel) -> None:
    """2-47."""
    sent = await exchange(scope, model)
    await sessions.delete(scope, sent.message.session_id)
    before = await head_of(scope)
    await model.say("Parts of a window", end=True)
    await until_settled()
    assert await sessions.get(scope, sent.message.session_id) is None
    assert await titled(scope, sent) == ("What is a transom?", TitleSource.FIRST_WORDS)
    assert await head_of(scope) == before


@pytest.mark.parametrize("answer", ["", '""', "x" * 81, "\n***\n"])
async def test_an_answer_that_is_no_title_changes_nothing(scope: Scope, model: ScriptedModel, answer: str) -> None:
    sent = await exchange(scope, model)
    await model.say(answer, end=True)
    await until_settled()
    assert await titled(scope, sent) == ("What is a transom?", TitleSource.FIRST_WORDS)


async def test_a_model_that_fails_leaves_the_first_words(scope: Scope, model: ScriptedModel) -> None:
    sent = await exchange(scope, model)
    await model.fail(ModelError("Not today.", ModelErrorCode.RATE_LIMITED))
    await until_settled()
    assert await titled(scope, sent) == ("What is a transom?", TitleSource.FIRST_WORDS)


async def test_only_the_first_exchange_gives_a_title(scope: Scope, model: ScriptedModel) -> None:
    sent = await exchange(scope, model)
    await model.say("", end=True)
    await until_settled()
    await messages.send(scope, sent.message.session_id, "And a mullion?")
    await model.say("Another bar.", end=True)
    await until_settled()
    assert len(model.requests) == 3
    assert await titled(scope, sent) == ("What is a transom?", TitleSource.FIRST_WORDS)


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hi", "Hi"),
        ("  two\n\nlines\t here ", "two lines here"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "…"),
        ("word " * 17, "word " * 15 + "word…"),
        ("😀" * 100, "😀" * 80 + "…"),
    ],
)
def test_the_first_words_are_a_title(content: str, title: str) -> None:
    assert first_words.of(content) == title


@given(st.text(min_size=1).filter(str.strip))
def test_first_words_are_short_and_on_one_line(content: str) -> None:
    title = first_words.of(content)
    assert 1 <= len(title) <= first_words.LENGTH + 1
    assert " ".join(title.split()) == title
    assert texts.composed(" ".join(content.split())).startswith(title.removesuffix("…"))


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Parts of a window", "Parts of a window"),
        ('Title: "Parts of a window"', "Parts of a window"),
        ("\n\n**Parts of a window**\n\nThis title says what it is.", "Parts of a window"),
        ("„Teile eines Fensters.“", "Teile eines Fensters"),
        ("What is it?", "What is it?"),
        ("", None),
        ("...", None),
        ("x" * 81, None),
    ],
)
def test_the_title_is_found_in_what_a_model_answers(answer: str, title: str | None) -> None:
    assert titles.tidy(answer) == title


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("<think>\nOkay, the user asks for a title.", FinishReason.STOP),
        ("A title that was cut", FinishReason.LENGTH),
        ("I'm sorry, but I can't help with that.", FinishReason.STOP),
        ("Parts", FinishReason.CONTENT_FILTER),
    ],
)
async def test_thoughts_refusals_and_what_was_cut_off_are_no_title(
    scope: Scope, model: ScriptedModel, answer: str, end: FinishReason
) -> None:
    sent = await exchange(scope, model)
    await model.say(answer)
    await model.finish(finish_reason=end)
    await until_settled()
    assert await titled(scope, sent) == ("What is a transom?", TitleSource.FIRST_WORDS)


async def test_the_title_behind_a_thought_is_taken(scope: Scope, model: ScriptedModel) -> None:
    sent = await exchange(scope, model)
    await model.say("<think>\nShort.\n</think>\n\nParts of a window", end=True)
    await until_settled()
    assert await titled(scope, sent) == ("Parts of a window", TitleSource.MODEL)


async def test_a_title_that_is_whole_is_taken_though_the_model_went_on(scope: Scope, model: ScriptedModel) -> None:
    sent = await exchange(scope, model)
    await model.say("Parts of a window\n\nThis title says what")
    await model.finish(finish_reason=FinishReason.LENGTH)
    await until_settled()
    assert await titled(scope, sent) == ("Parts of a window", TitleSource.MODEL)
