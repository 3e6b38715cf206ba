"""What waits for its turn can be changed, moved and taken out, from any window, until its turn comes."""

from uuid import UUID

import pytest

from chat.conversation import messages, sessions
from chat.conversation.messages import Exchange
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.refusals import InvalidInput, NotAllowed, NotFound
from chat.runs import queues, retries, runs
from chat.scope import Scope
from db import sessions as session_rows
from db.models import RunStatus
from db.page import Span
from llm.scripted import ScriptedModel
from tests.conftest import Server, viewer_of
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin, execute, has_status


async def line_up(scope: Scope, model: ScriptedModel, *texts: str) -> tuple[UUID, list[Exchange]]:
    """A session that is busy with "First", and what waits in it."""
    session_id = await begin(scope)
    first = await ask(scope, session_id, "First")
    await model.until_asked(1)
    await has_status(scope, first.run.id, RunStatus.RUNNING)
    return session_id, [await ask(scope, session_id, text) for text in texts]


async def path(scope: Scope, session_id: UUID) -> list[str]:
    """The texts of a session, top down."""
    page, _ = await messages.page(scope, session_id, Span(100))
    assert [row.parent_id for row in page.rows] == [None, *(row.id for row in page.rows[:-1])]
    return [row.content for row in page.rows]


async def answered(scope: Scope, model: ScriptedModel, *waiting: Exchange) -> list[str]:
    """What the model is asked last in each request, while it answers everything that waits."""
    for number in range(len(waiting) + 1):
        await model.until_asked(number + 1)
        await model.say(f"Answer {number}", end=True)
    for each in waiting:
        await has_status(scope, each.run.id, RunStatus.COMPLETED)
    return [str(request.turns[-1].parts[0]) for request in model.requests]


async def test_a_message_that_waits_can_be_changed_and_every_window_sees_it(
    server: Server, scope: Scope, model: ScriptedModel
) -> None:
    session_id, (waits,) = await line_up(scope, model, "Secnd")
    async with (
        server.process(produces=False) as other,
        watching(scope, session_id) as near,
        watching(at(scope, other), session_id) as far,
    ):
        message, run = await queues.edit(at(scope, other), waits.run.id, "Second")
        assert (message.content, run.status) == ("Second", RunStatus.QUEUED)
        for client in (near, far):
            await client.reads(waits.message.id, "Second")
        assert await answered(scope, model, waits) == ["Text(text='First')", "Text(text='Second')"]
        await near.over(waits.run.id)
        await agree(scope, session_id, near)


async def test_what_the_list_of_sessions_shows_follows_the_change(scope: Scope, model: ScriptedModel) -> None:
    seen = (await messages.send(scope, NewSession(), "Hello")).seen
    await model.until_asked(1)
    waits = await ask(scope, seen[0].id, "Last wrds")
    await queues.edit(scope, waits.run.id, "Last words")
    shown = await sessions.get(scope, seen[0].id)
    assert shown is not None
    assert (shown[0].title, shown[0].last_message_preview) == ("Hello", "Last words")


async def test_the_order_of_the_queue_can_be_changed_and_the_messages_change_places(
    server: Server, scope: Scope, model: ScriptedModel
) -> None:
    session_id, waiting = await line_up(scope, model, "Two", "Three", "Four")
    two, three, four = waiting
    async with (
        server.process(produces=False) as other,
        watching(scope, session_id) as near,
        watching(at(scope, other), session_id) as far,
    ):
        queue = await queues.move(at(scope, other), four.run.id, two.run.id)
        assert [run.id for run in queue] == [four.run.id, two.run.id, three.run.id]
        assert await path(scope, session_id) == ["First", "", "Four", "", "Two", "", "Three", ""]
        queue = await queues.move(scope, four.run.id, three.run.id)
        assert await path(scope, session_id) == ["First", "", "Two", "", "Four", "", "Three", ""]
        queue = await queues.move(scope, two.run.id, None)
        assert [run.id for run in queue] == [four.run.id, three.run.id, two.run.id]
        assert await path(scope, session_id) == ["First", "", "Four", "", "Three", "", "Two", ""]
        asked = await answered(scope, model, *waiting)
        assert asked == [f"Text(text='{text}')" for text in ("First", "Four", "Three", "Two")]
        turns = model.requests[-1].turns
        assert [turn.role for turn in turns] == ["user", "assistant"] * 3 + ["user"]
        for client in (near, far):
            await client.over(*(each.run.id for each in waiting))
            await agree(scope, session_id, client)


async def test_a_message_below_the_queue_stays_below_it(scope: Scope, model: ScriptedModel) -> None:
    session_id, (two, three) = await line_up(scope, model, "Two", "Three")
    await messages.post(scope, session_id, "Note")
    await queues.move(scope, three.run.id, two.run.id)
    assert await path(scope, session_id) == ["First", "", "Three", "", "Two", "", "Note"]


async def test_messages_keep_their_places_where_a_branch_leaves_between_them(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id, (two, three) = await line_up(scope, model, "Two", "Three")
    await messages.send(scope, session_id, "Instead", parent_id=two.reply.id)
    queue = await queues.move(scope, three.run.id, two.run.id)
    assert [run.id for run in queue][:2] == [three.run.id, two.run.id]
    assert await path(scope, session_id) == ["First", "", "Two", "", "Instead", ""]


async def test_moving_to_the_same_place_changes_nothing(scope: Scope, model: ScriptedModel) -> None:
    session_id, (two, three) = await line_up(scope, model, "Two", "Three")
    async with scope.tx() as tx:
        before = await session_rows.get(tx, session_id)
    assert before is not None
    for place in (two.run.id, three.run.id):
        assert [run.id for run in await queues.move(scope, two.run.id, place)] == [two.run.id, three.run.id]
    assert [run.id for run in await queues.move(scope, three.run.id, None)] == [two.run.id, three.run.id]
    async with scope.tx() as tx:
        after = await session_rows.get(tx, session_id)
    assert after is not None
    assert after.head == before.head


async def test_what_has_begun_or_is_over_cannot_be_changed(scope: Scope, model: ScriptedModel) -> None:
    session_id, (two,) = await line_up(scope, model, "Two")
    first = (await runs.active(scope, [session_id]))[0][0]
    for run_id in (first.id, (await runs.cancel(scope, two.run.id)).id):
        with pytest.raises(InvalidInput, match="not queued any more"):
            await queues.edit(scope, run_id, "Else")
        with pytest.raises(InvalidInput, match="not queued any more"):
            await queues.move(scope, run_id, None)
    assert await path(scope, session_id) == ["First", "", "Two", ""]


async def test_a_message_that_has_another_answer_cannot_be_changed(scope: Scope, model: ScriptedModel) -> None:
    session_id, (two,) = await line_up(scope, model, "Two")
    first = (await runs.active(scope, [session_id]))[0][0]
    await runs.cancel(scope, first.id)
    await has_status(scope, first.id, RunStatus.CANCELLED)
    _, again = await retries.retry(scope, first.id)
    with pytest.raises(InvalidInput, match="has an answer already"):
        await queues.edit(scope, again.run.id, "Else")
    assert two.message.content == "Two"


async def test_only_the_author_changes_a_message_and_who_only_reads_moves_nothing(
    scope: Scope, stranger: Scope, model: ScriptedModel
) -> None:
    session_id, (two, three) = await line_up(scope, model, "Two", "Three")
    for call in (queues.edit(stranger, two.run.id, "Mine"), queues.move(stranger, three.run.id, two.run.id)):
        with pytest.raises(NotFound):
            await call
    member = "INSERT INTO memberships (session_id, user_id, role) VALUES (:session, :user, 'writer')"
    await execute(scope, member, session=session_id, user=stranger.viewer.id)
    with pytest.raises(NotAllowed, match="Only who wrote"):
        await queues.edit(stranger, two.run.id, "Mine")
    await queues.move(stranger, three.run.id, two.run.id)
    assert (await path(scope, session_id))[2:] == ["Three", "", "Two", ""]
    await execute(scope, "UPDATE memberships SET role = 'reader' WHERE user_id = :user", user=stranger.viewer.id)
    with pytest.raises(NotAllowed, match="You may read"):
        await queues.move(stranger, two.run.id, None)


async def test_however_often_someone_interrupts_one_reply_is_written_at_a_time(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        await ask(scope, session_id)
        assert await runs.claim(started.process) is not None
        waiting: list[UUID] = []
        for number in range(6):
            sent = await messages.send(scope, session_id, f"Now {number}", when_busy=WhenBusy.INTERRUPT)
            waiting.insert(0, sent.run.id)
            assert [run.id for run in await queues.of(scope, session_id)] == waiting
            assert await runs.claim(started.process) is None
