"""However a run ended, its session goes on: what is stored, and what a provider is sent of it, is always valid."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from uuid import UUID

import pytest

from chat.conversation import compactions, messages
from chat.conversation.messages import Exchange
from chat.process import Timing
from chat.refusals import InvalidInput
from chat.runs import appends, input_requests, producers, retries, runs
from chat.runs.appends import Said
from chat.runs.producers import Held
from chat.runs.runs import Outcome
from chat.runtime import Life
from chat.scope import Scope
from db.models import Message, RunStatus
from db.page import Span
from llm.errors import ModelError, ModelErrorCode
from llm.events import (
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultGiven,
)
from llm.models import Models
from llm.script import Script
from llm.scripted import ScriptedModel
from llm.turns import Request
from tests.conftest import Server, viewer_of
from tests.llm.reading import read_until_failure
from tests.llm.upstream import Upstream, listening
from tests.runs.validity import check_anthropic, check_openai, check_path, check_turns
from tests.sync.talk import PATIENT, ask, at, begin, execute, has_status

QUICK_TO_SWEEP = Timing(lease=30, grace=0.1, heartbeat=30, sweep=0.02)

REPLY: Sequence[Event] = (
    ReasoningDelta("Let me "),
    ReasoningDelta("see."),
    TextDelta("\n\n"),
    TextDelta("I look it up."),
    ToolCallStarted("c1", "search"),
    ToolCallDelta("c1", '{"q": "tra'),
    ToolCallDelta("c1", 'nsom"}'),
    ToolCallFinished("c1", '{"q": "transom"}'),
    ToolCallStarted("c2", "look.at:it"),
    ToolCallFinished("c2", ""),
    ToolResultGiven("c2", "look.at:it", ""),
    TextDelta(" "),
    ToolResultGiven("c1", "search", "A bar."),
    TextDelta("It is a bar."),
)
"""A reply with everything in it; two calls side by side, the second of which is answered first, with nothing."""

EVERYWHERE = range(len(REPLY) + 1)
SOMEWHERE = (0, 3, 6, 11, 14)
"""Before the first event, behind blank text, in the arguments of a call, behind one of two results, at the end."""


@dataclass
class Providers:
    """What goes over the wire to providers of both protocols."""

    upstream: Upstream
    openai: Models
    anthropic: Models

    async def check(self, request: Request) -> None:
        """Asks both, and looks at what they were sent."""
        check_turns(request.turns)
        for models, check in ((self.openai, check_openai), (self.anthropic, check_anthropic)):
            await read_until_failure(models, request)
            check(self.upstream.asked.pop().body)
        assert self.upstream.asked == []


@pytest.fixture(scope="module")
async def providers() -> AsyncIterator[Providers]:
    """Providers that take a look at each request and answer none."""
    upstream = Upstream(answer=lambda exchange: exchange.refuse(400, {"error": {"message": "Enough."}}))
    async with (
        listening(upstream),
        Models.open(url=upstream.url, key="sk-1234567890", model="m", grace=0) as openai,
        Models.open(url=upstream.root, provider="anthropic", key="sk-1234567890", model="m", grace=0) as anthropic,
    ):
        await openai.warm()
        await anthropic.warm()
        yield Providers(upstream, openai, anthropic)


@dataclass
class Talk:
    """A session, and how its reply was stopped."""

    scope: Scope
    session_id: UUID
    model: ScriptedModel
    providers: Providers

    async def path(self) -> Sequence[Message]:
        """The messages of the session."""
        page, _ = await messages.page(self.scope, self.session_id, Span(100))
        return page.rows

    async def goes_on(self) -> None:
        """Asserts that what is stored is valid, and that the next message gets an answer to a valid request."""
        check_path(await self.path())
        script = self.model.script()
        sent = await ask(self.scope, self.session_id, "And now?")
        await self.asked(script)
        await script.say("Yes.", end=True)
        await has_status(self.scope, sent.run.id, RunStatus.COMPLETED)
        check_path(await self.path())

    async def asked(self, script: Script) -> None:
        """Returns when the model has been asked, with a request that every provider takes."""
        request = await self.model.until_asked(len(self.model.requests) + (script.request is None))
        assert request is script.request
        await self.providers.check(request)


@dataclass
class Playing:
    """A reply that has come to some point."""

    talk: Talk
    sent: Exchange
    script: Script
    point: int


async def played(scope: Scope, model: ScriptedModel, providers: Providers, points: Iterable[int]) -> list[Playing]:
    """For each of these points of the reply, a session in which it has come so far."""
    playing: list[Playing] = []
    for point in points:
        script = model.script()
        talk = Talk(scope, await begin(scope), model, providers)
        sent = await ask(scope, talk.session_id, "What is a transom?")
        await model.until_asked(len(playing) + 1)
        await script.give(*REPLY[:point])
        playing.append(Playing(talk, sent, script, point))
    return playing


async def _complete(_: Life, playing: Playing) -> None:
    await playing.script.finish()


async def _fail(_: Life, playing: Playing) -> None:
    await playing.script.fail(ModelError("Too much. Try again.", ModelErrorCode.RATE_LIMITED))


async def _cancel(_: Life, playing: Playing) -> None:
    await runs.cancel(playing.talk.scope, playing.sent.run.id)


async def _drain(here: Life, _: Playing) -> None:
    await here.drain()


async def _expire(_: Life, playing: Playing) -> None:
    await execute(playing.talk.scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=playing.sent.run.id)


type Stop = Callable[[Life, Playing], Awaitable[None]]
WAYS: dict[str, tuple[Stop, RunStatus]] = {
    "completed": (_complete, RunStatus.COMPLETED),
    "failed": (_fail, RunStatus.FAILED),
    "cancelled": (_cancel, RunStatus.CANCELLED),
    "drained": (_drain, RunStatus.INTERRUPTED),
    "lost": (_expire, RunStatus.INTERRUPTED),
}


@asynccontextmanager
async def stopped(
    server: Server, model: ScriptedModel, providers: Providers, way: str, points: Iterable[int]
) -> AsyncIterator[list[Playing]]:
    """Replies that were stopped in this way, each at another point, and a process that goes on with them."""
    stop, status = WAYS[way]
    async with server.process(timing=PATIENT) as here:
        playing = await played(await viewer_of(here), model, providers, points)
        async with server.process(timing=QUICK_TO_SWEEP) as there:
            for each in playing:
                await stop(here, each)
            for each in playing:
                each.talk.scope = at(each.talk.scope, there)
                await has_status(each.talk.scope, each.sent.run.id, status)
            yield playing


@pytest.mark.parametrize(
    ("way", "points"), [(way, EVERYWHERE if way == "cancelled" else SOMEWHERE) for way in WAYS], ids=WAYS
)
async def test_a_session_goes_on_wherever_its_reply_was_stopped(
    server: Server, model: ScriptedModel, providers: Providers, way: str, points: Iterable[int]
) -> None:
    async with stopped(server, model, providers, way, points) as playing:
        for each in playing:
            try:
                await each.talk.goes_on()
            except AssertionError as error:
                error.add_note(f"{way} after {each.point} events")
                raise


async def test_a_session_goes_on_after_a_reply_that_was_taken_up_and_stopped_again(
    server: Server, model: ScriptedModel, providers: Providers
) -> None:
    """The model numbers its calls anew when it is asked again."""
    async with stopped(server, model, providers, "cancelled", SOMEWHERE) as playing:
        for each in playing:
            talk, script = each.talk, model.script()
            _, again = await retries.resume(talk.scope, each.sent.run.id)
            await talk.asked(script)
            await script.give(*REPLY[: each.point])
            await runs.cancel(talk.scope, again.run.id)
            await has_status(talk.scope, again.run.id, RunStatus.CANCELLED)
            calls = sum(isinstance(event, ToolCallStarted) for event in REPLY[: each.point])
            whole = (await talk.path())[1].parts
            assert [part["kind"] for part in whole].count("toolCall") == calls * 2
            await talk.goes_on()


async def test_a_question_without_any_reply_is_told_with_the_next_one(
    server: Server, model: ScriptedModel, providers: Providers
) -> None:
    async with stopped(server, model, providers, "cancelled", [0]) as playing:
        talk, script = playing[0].talk, model.script()
        await ask(talk.scope, talk.session_id, "Never mind.")
        await talk.asked(script)
        assert script.request is not None
        assert [turn.role for turn in script.request.turns] == ["user", "user"]
        await script.finish()


async def test_a_path_that_is_told_in_short_in_part_begins_with_a_question(
    server: Server, model: ScriptedModel, providers: Providers
) -> None:
    async with server.process() as started:
        scope = await viewer_of(started)
        talk = Talk(scope, await begin(scope), model, providers)
        for text in ("One", "Two"):
            script = model.script()
            sent = await ask(scope, talk.session_id, text)
            await script.call("c1", "search")
            await script.result("c1", "search", text)
            await script.finish()
            await has_status(scope, sent.run.id, RunStatus.COMPLETED)
            await compactions.put(scope, (sent.message if text == "One" else sent.reply).id, f"In short: {text}")
        assert script.request is not None
        assert [turn.role for turn in script.request.turns] == ["user", "assistant", "tool", "user"]
        for models, check in ((providers.openai, check_openai), (providers.anthropic, check_anthropic)):
            await read_until_failure(models, script.request)
            body = providers.upstream.asked.pop().body
            check(body)
            assert "In short: One" in str(body["messages"][0])


OUTCOMES = {
    RunStatus.COMPLETED: Outcome(RunStatus.COMPLETED),
    RunStatus.CANCELLED: Outcome(RunStatus.CANCELLED),
    RunStatus.FAILED: Outcome(RunStatus.FAILED, error={"code": "X", "reason": "Oh."}),
}


def text(value: str) -> Said:
    return lambda draft: draft.text(value)


def call(id: str, arguments: str = "") -> Said:
    return lambda draft: draft.call(id, "search", arguments)


def result(id: str, content: str = "Found.") -> Said:
    return lambda draft: draft.result(id, content)


OPEN: dict[str, Sequence[Said]] = {
    "nothing": [],
    "text that is empty": [text("")],
    "a call": [call("c1")],
    "arguments": [call("c1", '{"q":'), lambda draft: draft.arguments("c1", ' "tra')],
    "text behind a call": [text("I look."), call("c1", "{}"), text("Well, ")],
    "one of two calls": [call("c1"), call("c2"), result("c2"), text("One is there, ")],
    "a call whose id came before": [call("c1"), result("c1"), call("c1", "[1]"), text("Again.")],
    "two calls of one id": [call("c1"), call("c1"), result("c1")],
    "a file and data": [
        lambda draft: draft.put({"kind": "file", "url": "https://a/b", "mediaType": "text/plain", "name": "b"}),
        call("call:1/π"),
        lambda draft: draft.put({"kind": "data", "name": "panel", "value": {"open": True}}),
    ],
}
"""What a producer outside leaves when its run ends."""


async def held(scope: Scope, said: Sequence[Said]) -> Held:
    """A run that an app has written this much of."""
    posted = await messages.post(scope, await begin(scope), "What is a transom?")
    begun = await producers.start(scope, posted.message.id)
    await appends.append(scope, begun.run.id, begun.run.epoch, 1, said)
    return begun


@pytest.mark.parametrize(("left", "end"), list(zip(OPEN, cycle(OUTCOMES), strict=False)))
async def test_a_session_goes_on_whatever_an_app_left_open(
    scope: Scope, model: ScriptedModel, providers: Providers, left: str, end: RunStatus
) -> None:
    begun = await held(scope, OPEN[left])
    await producers.finish(scope, begun.run.id, 1, len(OPEN[left]), OUTCOMES[end])
    await Talk(scope, begun.run.session_id, model, providers).goes_on()


async def test_a_session_goes_on_after_a_run_that_another_app_took_over_in_a_call(
    scope: Scope, model: ScriptedModel, providers: Providers
) -> None:
    for rest in ([], [result("c1")], [result("c1"), call("c1"), text("I see.")]):
        begun = await held(scope, OPEN["arguments"])
        taken = await producers.take_over(scope, begun.run.id)
        await appends.append(scope, begun.run.id, taken.run.epoch, 1, rest)
        await producers.finish(scope, begun.run.id, taken.run.epoch, len(rest), OUTCOMES[RunStatus.COMPLETED])
        await Talk(scope, begun.run.session_id, model, providers).goes_on()


async def test_a_session_goes_on_after_a_producer_that_did_not_stop_vanished_or_waited_for_a_person(
    scope: Scope, model: ScriptedModel, providers: Providers
) -> None:
    deaf, lost, waiting = [await held(scope, OPEN["one of two calls"]) for _ in range(3)]
    await input_requests.ask(scope, waiting.run.id, 1, "May I?")
    await execute(scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=lost.run.id)
    for each in (deaf, waiting):
        await runs.cancel(scope, each.run.id)
    for each, status in (
        (deaf, RunStatus.CANCELLED),
        (waiting, RunStatus.CANCELLED),
        (lost, RunStatus.INTERRUPTED),
    ):
        await has_status(scope, each.run.id, status)
        await Talk(scope, each.run.session_id, model, providers).goes_on()


async def test_a_call_takes_one_result(scope: Scope) -> None:
    begun = await held(scope, [call("c1"), result("c1")])
    with pytest.raises(InvalidInput, match="no tool call 'c1' in this message, or it has its result already"):
        await appends.append(scope, begun.run.id, 1, 3, [result("c1", "Something else.")])
    assert (await appends.append(scope, begun.run.id, 1, 3, [call("c1"), result("c1")])).last_seq == 4
