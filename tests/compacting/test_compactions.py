"""Compactions: seen, changed, taken away and outdated; on every branch through their message, and on no other."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from chat.conversation import compactions, edits, forks, messages
from chat.refusals import InvalidInput, NotAllowed, NotFound
from chat.removal import deletions
from chat.removal.message_tree import DeletionScope
from chat.runs import retries, runs
from chat.scope import Scope
from db.models import MemberRole, MessageStatus, Run, RunStatus
from db.page import Span
from llm.scripted import ScriptedModel
from tests.chat.conftest import join
from tests.compacting.bounded import Bounded, ask, begin, compacted, line, now, texts_of
from tests.conftest import Server, viewer_of
from tests.repeating.asking import ask as query
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, has_status

WINDOW = 1_000
SEE = """
    query ($id: ID!) { session(id: $id) {
        context { tokens room window messageCount compacted { id compaction { text source messageCount } } }
    } }
"""
SET = """
    mutation ($id: ID!, $text: String) { setCompaction(id: $id, text: $text) {
        ... on MessagePayload { message { compaction { text source model messageCount } } }
        ... on UserError { reason }
    } }
"""


async def text_at(scope: Scope, message_id: UUID) -> str | None:
    """What a model is told in place of a message and all before it."""
    compaction = (await now(scope, message_id)).compaction
    return None if compaction is None else compaction["text"]


async def long(scope: Scope, bounded: Bounded) -> UUID:
    """A session that has just been put in short for the first time."""
    session_id = await begin(scope, WINDOW)
    while not bounded.short:
        await ask(scope, session_id, line(len(bounded.told)))
    return session_id


async def outgrown(scope: Scope, model: ScriptedModel) -> tuple[messages.Exchange, messages.Exchange]:
    """An exchange, and the next one, whose reply has to wait until the first is put in short."""
    session_id = await begin(scope, 512)
    first = await messages.send(scope, session_id, line(0, 900))
    await model.say("Yes", end=True)
    await has_status(scope, first.run.id, RunStatus.COMPLETED)
    return first, await messages.send(scope, session_id, line(1, 900))


async def test_a_person_corrects_it_and_takes_it_away(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await long(scope, bounded)
        (message,) = await compacted(scope, session_id)
        async with watching(scope, session_id) as client:
            changed = (await query(scope, SET, id=str(message.id), text="Corrected"))["setCompaction"]["message"]
            count = message.depth + 1
            told = {"text": "Corrected", "source": "PERSON", "model": None, "messageCount": count}
            assert changed == {"compaction": told}
            await client.until(lambda client: (client.shown[message.id].compaction or {}).get("text") == "Corrected")
            await ask(scope, session_id, "And?")
            assert texts_of(bounded.told[-1])[0].endswith("Corrected")
            again = (await query(scope, SET, id=str(message.id), text=None))["setCompaction"]["message"]
            assert again == {"compaction": None}
            await client.until(lambda client: client.shown[message.id].compaction is None)
            await agree(scope, session_id, client)
        # What is told whole again outgrows the window, and is put in short anew.
        await ask(scope, session_id, "And now?")
        assert len(bounded.short) == 2
        assert len(await compacted(scope, session_id)) == 1


async def test_a_branch_that_leaves_before_it_is_told_everything(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await long(scope, bounded)
        path = (await messages.page(scope, session_id, Span(100)))[0].rows
        sent = await edits.edit(scope, path[2].id, "Another way")
        assert isinstance(sent, messages.Exchange)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
        assert texts_of(bounded.told[-1]) == [path[0].content, path[1].content, "Another way"]
        sent = await edits.edit(scope, path[-2].id, "A late turn")
        assert isinstance(sent, messages.Exchange)
        await has_status(scope, sent.run.id, RunStatus.COMPLETED)
        assert texts_of(bounded.told[-1])[0].endswith("In short 1")
        assert len(bounded.short) == 1


@pytest.mark.parametrize("change", ["revise", "delete", "restore", "continue"])
async def test_what_a_model_wrote_goes_when_something_of_it_changes_and_what_a_person_wrote_stays(
    server: Server, change: str
) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)
        first = await ask(scope, session_id, line(0))
        if change == "restore":
            await deletions.delete(scope, session_id, first.message.id, DeletionScope.MESSAGE)
        while not bounded.short:
            await ask(scope, session_id, line(len(bounded.told)))
        (message,) = await compacted(scope, session_id)
        later = (await messages.send(scope, session_id, "Later")).message
        await compactions.put(scope, later.id, "By a person")
        async with watching(scope, session_id) as client:
            match change:
                case "revise":
                    await edits.revise(scope, first.reply.id, text="Said otherwise")
                case "delete":
                    await deletions.delete(scope, session_id, first.message.id, DeletionScope.MESSAGE)
                case "restore":
                    await deletions.restore(scope, session_id, first.message.id, DeletionScope.MESSAGE)
                case _:
                    async with scope.process.db.system() as tx:
                        run = await tx.get_one(Run, first.run.id)
                        run.status = RunStatus.CANCELLED
                    await retries.resume(scope, first.run.id)
            await client.until(lambda client: client.shown[message.id].compaction is None)
            await has_status(scope, first.run.id, RunStatus.CANCELLED if change == "continue" else RunStatus.COMPLETED)
        assert await text_at(scope, message.id) is None
        assert await text_at(scope, later.id) == "By a person"


async def test_what_follows_it_may_change(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await long(scope, bounded)
        (message,) = await compacted(scope, session_id)
        last = await ask(scope, session_id, "One more")
        await edits.revise(scope, last.reply.id, text="Said otherwise")
        await deletions.delete(scope, session_id, last.message.id, DeletionScope.SUBTREE)
        assert await text_at(scope, message.id) == "In short 1"


async def test_a_persons_comes_back_with_its_message(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope)
        first = await ask(scope, session_id, "One")
        await compactions.put(scope, first.reply.id, "By a person")
        await deletions.delete(scope, session_id, first.reply.id, DeletionScope.MESSAGE)
        assert await text_at(scope, first.reply.id) is None
        await deletions.restore(scope, session_id, first.reply.id, DeletionScope.MESSAGE)
        assert await text_at(scope, first.reply.id) == "By a person"


async def test_a_copy_of_a_session_has_it(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await long(scope, bounded)
        last = await ask(scope, session_id, "One more")
        copy, _ = await forks.fork(scope, session_id, last.reply.id)
        await ask(scope, copy.id, "Where were we?")
        assert texts_of(bounded.told[-1])[0].endswith("In short 1")
        assert len(await compacted(scope, copy.id)) == 1


async def test_what_changes_while_it_is_written_makes_it_void(server: Server, model: ScriptedModel) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        first, second = await outgrown(scope, model)
        request = await model.until_asked(2)
        assert texts_of(request) == [f"User: {first.message.content}\n\nAssistant: Yes"]
        await edits.revise(scope, first.reply.id, text="No")
        await model.say("They agreed", end=True)
        request = await model.until_asked(3)
        assert texts_of(request) == [f"User: {first.message.content}\n\nAssistant: No"]
        await model.say("They disagreed", end=True)
        await model.until_asked(4)
        await model.say("Well", end=True)
        await has_status(scope, second.run.id, RunStatus.COMPLETED)
        assert await text_at(scope, first.reply.id) == "They disagreed"


async def test_a_run_that_is_stopped_writes_none(server: Server, model: ScriptedModel) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        first, second = await outgrown(scope, model)
        await model.until_asked(2)
        await runs.cancel(scope, second.run.id)
        await model.until_stopped()
        await has_status(scope, second.run.id, RunStatus.CANCELLED)
        assert await compacted(scope, first.message.session_id) == []
        assert (await now(scope, second.reply.id)).status is MessageStatus.CANCELLED


async def test_nobody_else_sees_or_sets_it(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await long(scope, bounded)
        (message,) = await compacted(scope, session_id)
        stranger, reader = await viewer_of(alive), await viewer_of(alive)
        await join(reader, session_id, MemberRole.READER)
        with pytest.raises(NotFound):
            await compactions.put(stranger, message.id, "Mine")
        with pytest.raises(NotAllowed):
            await compactions.put(reader, message.id, "Mine")
        assert (await query(stranger, SEE, id=str(session_id)))["session"] is None
        seen = (await query(reader, SEE, id=str(session_id)))["session"]["context"]
        assert seen["compacted"]["compaction"]["text"] == "In short 1"


async def test_what_cannot_be_one_is_refused(server: Server, model: ScriptedModel) -> None:
    async with server.process() as alive:
        scope = await viewer_of(alive)
        sent = await messages.send(scope, await begin(scope), "One")
        with pytest.raises(InvalidInput, match="still being written"):
            await compactions.put(scope, sent.reply.id, "Too early")
        with pytest.raises(InvalidInput, match="at most 10,000 characters"):
            await compactions.put(scope, sent.message.id, "x" * 10_001)
        await model.say("Yes", end=True)


async def test_a_client_sees_how_full_the_window_is(server: Server) -> None:
    bounded = Bounded(WINDOW)
    async with bounded.on(server) as alive:
        scope = await viewer_of(alive)
        session_id = await begin(scope, WINDOW)

        async def context() -> dict[str, object]:
            return dict((await query(scope, SEE, id=str(session_id)))["session"]["context"])

        empty = {"tokens": 0, "room": 875, "window": 1_000, "messageCount": 0, "compacted": None}
        assert await context() == empty
        fullest = 0
        while not bounded.short:
            await ask(scope, session_id, line(len(bounded.told)))
            now = await context()
            fullest = max(fullest, int(str(now["tokens"])))
        (message,) = await compacted(scope, session_id)
        assert 700 < fullest <= 875
        assert int(str(now["tokens"])) < 600
        assert now["compacted"] == {
            "id": str(message.id),
            "compaction": {"text": "In short 1", "source": "MODEL", "messageCount": message.depth + 1},
        }


async def test_a_list_of_many_takes_few_connections_from_others(server: Server, model: ScriptedModel) -> None:
    async with server.process(produces=False, timing=PATIENT) as alive:
        scope = await viewer_of(alive)
        for _ in range(20):
            await begin(scope, WINDOW)
        taken, most = 0, 0

        def take(*_: object) -> None:
            nonlocal taken, most
            taken += 1
            most = max(most, taken)

        def give(*_: object) -> None:
            nonlocal taken
            taken -= 1

        sa.event.listen(sa.Pool, "checkout", take)
        sa.event.listen(sa.Pool, "checkin", give)
        try:
            seen = await query(scope, "{ sessions(first: 20) { edges { node { context { room } } } } }")
        finally:
            sa.event.remove(sa.Pool, "checkout", take)
            sa.event.remove(sa.Pool, "checkin", give)
    assert [each["node"]["context"] for each in seen["sessions"]["edges"]] == [{"room": 875}] * 20
    assert most <= 2
