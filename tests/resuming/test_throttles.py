"""`liveMessage` ends with the whole message, wherever the end falls and whatever happens to its stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

import pytest

from chat.conversation import messages, sessions
from chat.conversation.reply_requests import WhenBusy
from chat.runs import runs
from chat.scope import Scope
from chat.subscriptions import message_stream, streams
from db.models import Message, MessageStatus, RunStatus
from llm.errors import ModelError, ModelErrorCode
from llm.scripted import ScriptedModel
from sync.events import SessionEvent
from tests.sync.client import PATIENCE, Client, watching
from tests.sync.talk import ask, begin, execute, has_status, journaled, until

LONG = 10_000
"""Milliseconds; no test waits for them."""

type State = tuple[str, MessageStatus]


class Watch:
    """What `liveMessage` tells."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.over = False
        self._news = asyncio.Event()

    async def follow(self, scope: Scope, message_id: UUID, every: int) -> None:
        """Notes every state."""
        async with aclosing(message_stream.message(scope, message_id, every=every)) as told:
            async for row in told:
                self.states.append((row.content, row.status))
                self._news.set()
        self.over = True
        self._news.set()

    async def until(self, holds: Callable[["Watch"], object]) -> None:
        """Returns when something holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds(self):
                self._news.clear()
                await self._news.wait()

    async def last(self) -> State:
        """The last state."""
        await self.until(lambda watch: watch.over)
        return self.states[-1]


@asynccontextmanager
async def growing(scope: Scope, message_id: UUID, every: int) -> AsyncIterator[Watch]:
    """A watch that has been told the first state."""
    watch = Watch()
    async with asyncio.TaskGroup() as tasks:
        streams = tasks.create_task(watch.follow(scope, message_id, every))
        await watch.until(lambda watch: watch.states)
        yield watch
        streams.cancel()


@pytest.mark.parametrize("end", ["finished", "failed", "cancelled"])
async def test_an_end_within_the_interval_is_told_at_once_with_all_text(
    scope: Scope, model: ScriptedModel, end: str
) -> None:
    session_id = await begin(scope)
    sent = await ask(scope, session_id)
    await model.say("One ")
    async with watching(scope, session_id) as client, growing(scope, sent.reply.id, LONG) as watch:
        await model.say("two ")
        await client.reads(sent.reply.id, "One two ")
        match end:
            case "finished":
                await model.say("three", end=True)
                assert await watch.last() == ("One two three", MessageStatus.COMPLETE)
            case "failed":
                await model.fail(ModelError("Too much.", ModelErrorCode.RATE_LIMITED))
                assert await watch.last() == ("One two ", MessageStatus.ERROR)
            case "cancelled":
                await runs.cancel(scope, sent.run.id)
                assert await watch.last() == ("One two ", MessageStatus.CANCELLED)
        assert len(watch.states) == 2


async def test_ends_at_every_moment_of_the_interval_are_told(scope: Scope, model: ScriptedModel) -> None:
    """The interval of 20 ms ends before, while and after the reply does."""
    session_id = await begin(scope)
    for turn in range(12):
        sent = await ask(scope, session_id)
        async with growing(scope, sent.reply.id, 20) as watch:
            for number in range(turn * 2):
                await model.say(f"{number} ")
            await model.say("end", end=True)
            said = "".join(f"{number} " for number in range(turn * 2)) + "end"
            assert await watch.last() == (said, MessageStatus.COMPLETE)


async def test_an_end_between_the_first_state_and_its_stream_is_told(scope: Scope, model: ScriptedModel) -> None:
    """Also where the message is not on the branch that a window begins with."""
    session_id = await begin(scope)
    script, other = model.script(), model.script()
    sent = await ask(scope, session_id)
    await script.say("All")
    await journaled(scope, 1)
    elsewhere = await messages.send(scope, session_id, "Other", parent_id=None, when_busy=WhenBusy.PARALLEL)
    await other.say("There.", end=True)
    await has_status(scope, elsewhere.run.id, RunStatus.COMPLETED)
    async with aclosing(message_stream.message(scope, sent.reply.id, every=LONG)) as told:
        assert (await anext(told)).content == "All"
        await script.say(" of it.", end=True)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
        async with asyncio.timeout(PATIENCE):
            assert [(row.content, row.status) async for row in told] == [("All of it.", MessageStatus.COMPLETE)]


async def test_other_windows_are_not_told_what_came_after(scope: Scope, model: ScriptedModel) -> None:
    """They are told the same objects, and may look at them later."""
    session_id = await begin(scope)
    async with streams.session(scope, session_id, None) as told, watching(scope, session_id) as client:
        slow = Client()
        await read_until(told, slow, lambda slow: slow.caught_up)
        before, script = model.script(), model.script()
        await ask(scope, session_id)
        sent = await ask(scope, session_id)
        async with growing(scope, sent.reply.id, 20) as watch:
            await until(lambda: live_windows(scope, 3))
            await before.finish()
            for word in ("One ", "two ", "three"):
                await script.say(word)
                await client.until(lambda client, word=word: client.text.endswith(word))  # type: ignore[misc]
            await watch.until(lambda watch: watch.states[-1][0] == "One two three")
            await script.finish()
            await watch.last()
        await read_until(told, slow, lambda slow: slow.runs.get(sent.run.id) is RunStatus.COMPLETED)
        assert slow.text == "One two three"


async def live_windows(scope: Scope, count: int) -> bool:
    """Whether so many windows of the process have caught up."""
    windows = [window for feed in scope.process.feeds._readers for window in feed.windows]
    return [window._behind for window in windows] == [False] * count


async def read_until(told: AsyncIterator[SessionEvent], client: Client, holds: Callable[[Client], object]) -> None:
    """Has a client take events until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds(client):
            client.take(await anext(told))


async def test_a_rewritten_history_does_not_end_it_before_the_message(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    sent = await ask(scope, session_id)
    await model.say("One ")
    async with growing(scope, sent.reply.id, LONG) as watch:
        await execute(scope, "UPDATE sessions SET epoch = epoch + 1 WHERE id = :id", id=session_id)
        await watch.until(lambda watch: len(watch.states) == 2)
        await model.say("two", end=True)
        assert await watch.last() == ("One two", MessageStatus.COMPLETE)
        assert len(watch.states) == 3


async def test_it_ends_with_its_session(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    sent = await ask(scope, session_id)
    await model.say("One ")
    await journaled(scope, 1)
    async with growing(scope, sent.reply.id, LONG) as watch:
        await sessions.delete(scope, session_id)
        assert await watch.last() == ("One ", MessageStatus.STREAMING)


def test_a_state_has_all_columns_of_the_message() -> None:
    row = Message(id=UUID(int=1), content="a", parts=[{"kind": "text", "text": "a"}], meta={"x": 1}, depth=3)
    grown = message_stream._grown(row, [{"kind": "text", "text": "ab"}])
    assert (grown.id, grown.content, grown.meta, grown.depth) == (row.id, "ab", {"x": 1}, 3)
    assert (row.content, row.parts) == ("a", [{"kind": "text", "text": "a"}])
