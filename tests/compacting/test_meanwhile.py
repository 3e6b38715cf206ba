"""What changes while a conversation is put in short, or moves to another place, is never told by an old compaction."""

from chat.conversation import compactions, messages
from chat.conversation.reply_requests import WhenBusy
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import queues, retries, runs
from db.models import RunStatus
from llm.errors import ModelError, ModelErrorCode
from llm.scripted import ScriptedModel
from tests.compacting.bounded import begin, compacted, line, now, texts_of
from tests.conftest import Server, viewer_of
from tests.sync.client import watching
from tests.sync.talk import has_status, head


async def test_one_message_deleted_and_another_brought_back_make_it_void(server: Server, model: ScriptedModel) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 512)
        said = []
        for text in (line(0, 900), "Short"):
            said.append(await messages.send(scope, session_id, text))
            await model.say("Yes", end=True)
            await has_status(scope, said[-1].run.id, RunStatus.COMPLETED)
        first, second = said
        await deletions.delete(scope, session_id, second.message.id, DeletionScope.MESSAGE)
        third = await messages.send(scope, session_id, line(1, 900))
        request = await model.until_asked(3)
        assert texts_of(request) == [f"User: {first.message.content}\n\nAssistant: Yes\n\nAssistant: Yes"]
        await deletions.restore(scope, session_id, second.message.id, DeletionScope.MESSAGE)
        await deletions.delete(scope, session_id, second.reply.id, DeletionScope.MESSAGE)
        await model.say("Without what is there", end=True)
        request = await model.until_asked(4)
        assert texts_of(request) == [f"User: {first.message.content}\n\nAssistant: Yes\n\nUser: Short"]
        await model.say("With it", end=True)
        await model.until_asked(5)
        await model.say("Well", end=True)
        await has_status(scope, third.run.id, RunStatus.COMPLETED)
        (message,) = await compacted(scope, session_id)
        assert (message.compaction or {})["text"] == "With it"


async def test_a_reply_that_is_taken_up_and_ends_makes_it_void(server: Server, model: ScriptedModel) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 512)
        scripts = [model.script() for _ in range(5)]
        first = await messages.send(scope, session_id, line(0, 900))
        await scripts[0].say("Yes")
        await runs.cancel(scope, first.run.id)
        await has_status(scope, first.run.id, RunStatus.CANCELLED)
        second = await messages.send(scope, session_id, line(1, 900), when_busy=WhenBusy.PARALLEL)
        await model.until_asked(2)
        _, again = await retries.resume(scope, first.run.id)
        await model.until_asked(3)
        await scripts[2].say(", and no", end=True)
        await has_status(scope, again.run.id, RunStatus.COMPLETED)
        await scripts[1].say("They agreed", end=True)
        request = await model.until_asked(4)
        assert texts_of(request) == [f"User: {first.message.content}\n\nAssistant: Yes, and no"]
        await scripts[3].say("They did not", end=True)
        await model.until_asked(5)
        await scripts[4].say("Well", end=True)
        await has_status(scope, second.run.id, RunStatus.COMPLETED)
        (message,) = await compacted(scope, session_id)
        assert (message.compaction or {})["text"] == "They did not"


async def test_a_reply_that_is_taken_up_is_told_though_something_is_told_in_place_of_it(
    server: Server, model: ScriptedModel
) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope)
        for text in ("One", "Two"):
            sent = await messages.send(scope, session_id, text)
            await model.say(f"{text}, and", end=text == "One")
            if text == "One":
                await has_status(scope, sent.run.id, RunStatus.COMPLETED)
                await compactions.put(scope, sent.reply.id, "They count")
        await runs.cancel(scope, sent.run.id)
        await has_status(scope, sent.run.id, RunStatus.CANCELLED)
        await compactions.put(scope, sent.message.id, "They counted to two")
        await compactions.put(scope, sent.reply.id, "They counted on")
        await retries.resume(scope, sent.run.id)
        request = await model.until_asked(3)
        in_short, *told = texts_of(request)
        assert in_short.endswith("They count")
        assert told[:2] == ["Two", "Two, and"]
        await model.say(" three", end=True)
        _, again = await retries.retry(scope, sent.run.id)
        request = await model.until_asked(4)
        assert texts_of(request) == [in_short, "Two"]
        await model.say("Two", end=True)
        await has_status(scope, again.run.id, RunStatus.COMPLETED)


async def test_what_changes_places_in_the_queue_takes_nothing_along(server: Server, model: ScriptedModel) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 512)
        scripts = [model.script() for _ in range(4)]
        first = await messages.send(scope, session_id, "Elsewhere")
        await scripts[0].say("I")
        waiting = [await messages.send(scope, session_id, line(0, 900), parent_id=None)]
        waiting.append(await messages.send(scope, session_id, line(1, 900)))
        last = await messages.send(scope, session_id, line(2, 900), when_busy=WhenBusy.PARALLEL)
        request = await model.until_asked(2)
        assert texts_of(request) == [f"User: {waiting[0].message.content}"]
        async with watching(scope, session_id) as client:
            await scripts[1].say("Zero", end=True)
            await model.until_asked(3)
            await client.until(lambda client: client.shown[waiting[0].message.id].compaction is not None)
            await queues.move(scope, waiting[1].run.id, waiting[0].run.id)
            end = await head(scope, session_id)
            moved = await now(scope, waiting[0].message.id)
            assert (moved.depth, moved.compaction) == (2, None)
            await client.until(lambda client: client.cursor == end)
            assert client.shown[moved.id].compaction is None
        assert await compacted(scope, session_id) == []
        for each in (first, *waiting, last):
            await runs.cancel(scope, each.run.id)


async def test_a_reply_behind_others_that_are_being_written_says_that_it_has_to_wait(
    server: Server, model: ScriptedModel
) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, 512)
        scripts = [model.script() for _ in range(3)]
        first = await messages.send(scope, session_id, "First")
        await scripts[0].say("I")
        waiting = [await messages.send(scope, session_id, line(number, 900)) for number in range(2)]
        last = await messages.send(scope, session_id, "Last", when_busy=WhenBusy.PARALLEL)
        await model.until_asked(2)
        await scripts[1].say("Nothing yet", end=True)
        await scripts[2].fail(ModelError("Too long.", ModelErrorCode.TOO_LONG))
        await has_status(scope, last.run.id, RunStatus.FAILED)
        (run,) = await runs.of_ids(scope, [last.run.id])
        assert run is not None
        assert str((run.error or {})["reason"]).startswith(
            "The conversation is too long for this model, which reads 512"
        )
        for each in (first, *waiting):
            await runs.cancel(scope, each.run.id)
