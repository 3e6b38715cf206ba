"""How a run ends is stored with its message, in one step."""

from collections.abc import AsyncGenerator

from chat.conversation import messages, sessions
from chat.process import Timing
from chat.runs import runs
from chat.scope import Scope
from db.models import MessageStatus, Run, RunStatus
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, TextDelta, Usage
from llm.models import Models
from llm.scripted import ScriptedModel
from llm.turns import Request
from sync import channels
from sync.events import MessageChanged, ResetReason, RunChanged
from tests.conftest import Server, viewer_of
from tests.sync.buses import Lossy, process_on
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, begin, execute, until


async def test_the_usage_is_stored_and_told(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("Yes.")
        await model.finish(usage=Usage(12, 7, reasoning_tokens=3), provider_ref="ref-1")
        await client.over(sent.run.id)
        (run,) = [event.row for event in client.told if isinstance(event, RunChanged)][-1:]
        assert run.usage == {"inputTokens": 12, "outputTokens": 7, "reasoningTokens": 3}
        assert run.error is None
        assert run.finished_at is not None
        found = await sessions.get(scope, session_id)
        assert found is not None
        assert found[0].provider_ref == "ref-1"


async def test_an_error_of_the_model_is_told_with_its_code_and_reason(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("As far as")
        await model.fail(ModelError("Too many requests. Try again in a minute.", ModelErrorCode.RATE_LIMITED))
        await client.over(sent.run.id)
        error = {"code": "RATE_LIMITED", "reason": "Too many requests. Try again in a minute."}
        run = [event.row for event in client.told if isinstance(event, RunChanged)][-1]
        message = [event.row for event in client.told if isinstance(event, MessageChanged)][-1]
        assert (run.status, run.error) == (RunStatus.FAILED, error)
        assert (message.status, message.error, message.content) == (MessageStatus.ERROR, error, "As far as")
        await agree(scope, session_id, client)


class Broken:
    """A model with a mistake in it."""

    async def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Says something, and breaks."""
        yield TextDelta("So ")
        raise ZeroDivisionError("secret detail")


async def test_a_mistake_in_the_server_is_told_without_its_details(server: Server) -> None:
    server.models = Models({"broken": Broken()})
    async with server.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await client.over(sent.run.id)
            run = [event.row for event in client.told if isinstance(event, RunChanged)][-1]
            assert run.status is RunStatus.FAILED
            assert run.error is not None
            assert run.error["code"] == "INTERNAL"
            assert "secret" not in run.error["reason"]
            assert client.shown[sent.reply.id].text == "So "
            again = await ask(scope, session_id)
            await client.over(again.run.id)


async def test_a_reply_without_a_word_is_a_reply(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.finish()
        await client.over(sent.run.id)
        assert client.runs[sent.run.id] is RunStatus.COMPLETED
        assert client.shown[sent.reply.id].parts == []
        await agree(scope, session_id, client)


async def test_a_session_that_is_deleted_stops_what_runs_in_it(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        sent = await ask(scope, session_id)
        await model.say("As far as")
        await client.reads(sent.reply.id, "As far as")
        await sessions.delete(scope, session_id)
        await client.until(lambda client: client.reset is ResetReason.ACCESS_CHANGED)
        await model.until_stopped()
        await ended(scope, sent.run.id, RunStatus.CANCELLED)


async def test_a_deleted_session_stops_its_run_though_nobody_hears_of_it(server: Server, model: ScriptedModel) -> None:
    bus = Lossy()
    bus.loses = lambda channel, payload: channel == channels.STOPS
    async with process_on(server, bus, Timing(lease=60, grace=0.2, heartbeat=60, sweep=0.05)) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        sent = await ask(scope, session_id)
        await model.say("As far as")
        await sessions.delete(scope, session_id)
        await ended(scope, sent.run.id, RunStatus.CANCELLED)


async def test_a_run_that_is_queued_in_a_deleted_session_never_begins(server: Server, model: ScriptedModel) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        sent = await ask(scope, session_id)
        await sessions.delete(scope, session_id)
        assert await runs.claim(started.process) is None
        assert await runs.waiting(started.process) is False
        await execute(scope, "UPDATE sessions SET deleted_at = NULL WHERE id = :id", id=session_id)
        async with server.process():
            await ended(scope, sent.run.id, RunStatus.CANCELLED)
        (message,) = await messages.of_ids(scope, [sent.reply.id])
        assert message is not None
        assert (message.status, message.content) == (MessageStatus.CANCELLED, "")


async def ended(scope: Scope, run_id: object, status: RunStatus) -> None:
    """Returns when the run has this status, in whatever session."""

    async def reached() -> bool:
        async with scope.process.db.system() as tx:
            run = await tx.get(Run, run_id)
            return run is not None and run.status is status

    await until(reached)
