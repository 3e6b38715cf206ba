"""Wherever a window's cursor is from, what follows is told once, in order, and nothing else is."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
import sqlalchemy as sa

from chat.conversation import messages
from chat.conversation.reply_requests import WhenBusy
from chat.runs import retries, runs
from chat.scope import Scope
from db.models import MessageStatus, RunStatus
from db.page import Span
from llm.events import Event, ReasoningDelta, ToolCallDelta, ToolCallFinished, ToolCallStarted
from llm.events import TextDelta as Said
from llm.scripted import ScriptedModel
from sync import changes
from sync.cursors import Cursor
from sync.events import BranchChanged, CaughtUp, MessageChanged, RunChanged, TextDelta
from tests.conftest import Server, viewer_of
from tests.sync.client import Client, agree, watching
from tests.sync.talk import PATIENT, ask, begin, execute, has_status, head, journaled


async def test_a_cursor_from_before_the_run_was_queued_misses_nothing_of_it(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    cursor = await head(scope, session_id)
    script, next_script = model.script(), model.script()
    busy = await ask(scope, session_id, "First")
    await script.say("Busy")
    sent = await ask(scope, session_id, "Second")
    async with watching(scope, session_id, cursor) as queued:
        assert queued.runs == {busy.run.id: RunStatus.RUNNING, sent.run.id: RunStatus.QUEUED}
        await script.finish()
        await next_script.say("One ")
        async with watching(scope, session_id, cursor) as writing:
            await next_script.say("two", end=True)
            await asyncio.gather(*(each.over(sent.run.id) for each in (queued, writing)))
            async with watching(scope, session_id, cursor) as late:
                assert late.runs == {busy.run.id: RunStatus.COMPLETED, sent.run.id: RunStatus.COMPLETED}
                assert len(late.told) == 8
                assert late.shown[sent.reply.id].text == "One two"
                await agree(scope, session_id, queued, writing, late)


KINDS: dict[str, list[Event]] = {
    "text": [Said("Hé "), Said("🪟🔥"), Said(" \ud83e"), Said("\ude9f!")],
    "reasoning": [ReasoningDelta("Hé "), ReasoningDelta("🪟🔥"), ReasoningDelta(" \ud83e"), ReasoningDelta("\ude9f!")],
    "toolCall": [
        ToolCallStarted("c1", "look"),
        ToolCallDelta("c1", '{"é🪟'),
        ToolCallDelta("c1", "🔥\ud83e"),
        ToolCallDelta("c1", '\ude9f": 1}'),
        ToolCallFinished("c1", '{"é🪟🔥🪟": 1}'),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
async def test_who_comes_back_in_the_middle_of_a_part_goes_on_at_its_exact_offset(
    scope: Scope, model: ScriptedModel, kind: str
) -> None:
    """Also between the halves of a surrogate pair that the model cut in two."""
    session_id = await begin(scope)
    script, sent = model.script(), await ask(scope, session_id)
    await script.give(*KINDS[kind][:1])
    clients = [Client()]
    for event in KINDS[kind][1:]:
        for client in [*clients, Client()]:
            async with watching(scope, session_id, client.cursor, client=client):
                assert client.shown[sent.reply.id].status is MessageStatus.STREAMING
        clients.append(client)
        await script.give(event)
    await script.finish()
    await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    for client in clients:
        async with watching(scope, session_id, client.cursor, client=client):
            await agree(scope, session_id, client)
    (part, *_) = clients[0].shown[sent.reply.id].parts
    assert (part["kind"], part["text"]) == (kind, "Hé 🪟🔥 🪟!" if kind != "toolCall" else '{"é🪟🔥🪟": 1}')


async def test_who_comes_back_in_the_middle_of_a_part_hears_the_rest_of_it_live(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    sent = await ask(scope, session_id)
    await model.say("🪟🔥 \ud83e")
    async with watching(scope, session_id) as client:
        pass
    await model.say("\ude9f")
    async with watching(scope, session_id, client.cursor, client=client):
        await client.reads(sent.reply.id, "🪟🔥 🪟")
        await model.say("!", end=True)
        await client.over(sent.run.id)
        deltas = [event for event in client.told if isinstance(event, TextDelta)]
        assert [(event.offset, event.text) for event in deltas][-1:] == [(7, "!")]
        await agree(scope, session_id, client)


async def test_who_comes_back_is_not_told_the_history_again(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        for number in range(8):
            sent = await ask(scope, session_id, f"Number {number}")
            await model.say("Yes.", end=True)
            await client.over(sent.run.id)
    async with watching(scope, session_id, client.cursor) as nothing:
        assert [type(event) for event in nothing.told] == [BranchChanged, CaughtUp]
    sent = await ask(scope, session_id, "One more")
    await model.say("It is ")
    await journaled(scope, 1)
    async with watching(scope, session_id, client.cursor) as again:
        assert [event.row.id for event in again.told if isinstance(event, MessageChanged | RunChanged)] == [
            sent.message.id,
            sent.reply.id,
            sent.run.id,
        ]
        cursor = again.cursor
    async with watching(scope, session_id, cursor) as flying:
        assert [type(event) for event in flying.told] == [MessageChanged, BranchChanged, CaughtUp]
        assert flying.text == "It is "
        await model.say("so.", end=True)
        await flying.over(sent.run.id)


async def test_a_client_that_has_dropped_its_cursor_or_kept_an_old_one_converges(
    scope: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    apart = Client(whole=False)  # what is multiplied does not follow each other
    async with watching(scope, session_id, client=Client(whole=False)) as old:
        pass
    sent = await ask(scope, session_id, "First")
    await model.say("Yes.", end=True)
    await has_status(scope, sent.run.id, RunStatus.COMPLETED)
    await multiply(scope, session_id, 60)
    sent = await ask(scope, session_id, "Last")
    await model.say("And ")
    async with watching(scope, session_id, client=apart) as anew, watching(scope, session_id, old.cursor, client=old):
        assert len(anew.shown) == 50
        assert (anew.caught_up, old.caught_up) == (1, 2)
        await model.say("so on.", end=True)
        await asyncio.gather(anew.over(sent.run.id), old.over(sent.run.id))
        await agree(scope, session_id, old)
        assert anew.shown == {message_id: old.shown[message_id] for message_id in anew.shown}


async def numbered(scope: Scope, session_id: UUID) -> list[tuple[int, UUID]]:
    """`(number, row)` of everything in a session, by number."""
    query = """
        SELECT seq, id FROM messages WHERE session_id = :id UNION ALL
        SELECT seq, id FROM runs WHERE session_id = :id ORDER BY seq
    """
    async with scope.process.db.system() as tx:
        return [(seq, row_id) for seq, row_id in await tx.execute(sa.text(query), {"id": session_id})]


def rows(client: Client) -> list[tuple[int, UUID]]:
    """`(number, row)` of what a client was told, in that order."""
    return [(event.cursor.seq, event.row.id) for event in client.told if isinstance(event, MessageChanged | RunChanged)]


async def after(scope: Scope, session_id: UUID, number: int) -> list[tuple[int, UUID]]:
    """What a window is told that comes after a number."""
    now = Cursor.parse(await head(scope, session_id))
    cursor = Cursor(now.kind, now.id, now.epoch, number)
    async with watching(scope, session_id, str(cursor)) as client:
        assert client.cursor == str(now)
        return rows(client)


async def test_the_order_of_events_never_comes_from_a_clock(server: Server) -> None:
    """All rows are of one instant, or of clocks that run backwards; every resume between two of them is exact."""
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        await asyncio.gather(*(ask(scope, session_id, f"Number {number}") for number in range(8)))
        truth = await numbered(scope, session_id)
        assert [number for number, _ in truth] == list(range(1, 25))
        page, _ = await messages.page(scope, session_id, Span(100))
        for clock in ("'2026-01-01'::timestamptz", "'2026-01-01'::timestamptz - seq * interval '1 day'"):
            for table in ("messages", "runs"):
                await execute(scope, f"UPDATE {table} SET created_at = {clock} WHERE session_id = :id", id=session_id)
            await execute(scope, f"UPDATE messages SET updated_at = {clock} WHERE session_id = :id", id=session_id)
            for number in range(len(truth) + 1):
                assert await after(scope, session_id, number) == truth[number:]
            again, _ = await messages.page(scope, session_id, Span(100))
            assert [row.id for row in again.rows] == [row.id for row in page.rows]


async def test_no_number_is_skipped_or_shared_by_mutations_that_make_several_rows(
    scope: Scope, model: ScriptedModel
) -> None:
    """A reply that makes way for another, is taken up again, and is tried again: up to four rows at once."""
    session_id = await begin(scope)
    async with watching(scope, session_id) as live:
        first = await ask(scope, session_id)
        await model.say("One")
        second = await messages.send(scope, session_id, "No", when_busy=WhenBusy.INTERRUPT)
        await live.over(first.run.id)
        await model.say("Two", end=True)
        await live.over(second.run.id)
        _, third = await retries.resume(scope, first.run.id)
        await live.until(lambda client: client.runs.get(third.run.id) is RunStatus.RUNNING)
        await runs.cancel(scope, third.run.id)
        await live.over(third.run.id)
        _, fourth = await retries.retry(scope, second.run.id)
        await model.say("Four", end=True)
        await live.over(fourth.run.id)
        truth = await numbered(scope, session_id)
        assert len({number for number, _ in truth}) == len(truth)
        end = Cursor.parse(await head(scope, session_id)).seq
        for number in range(end + 1):
            assert await after(scope, session_id, number) == [row for row in truth if row[0] > number]
        told = [number for number, _ in rows(live)]
        assert told == sorted(set(told))
        assert live.cursor == await head(scope, session_id)


async def test_more_than_a_page_of_rows_is_caught_up_with_from_anywhere_in_it(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        await ask(scope, session_id)
        await multiply(scope, session_id, changes.PAGE + 100)
        truth = await numbered(scope, session_id)
        assert len(truth) > 2 * changes.PAGE
        for number in (0, 1, 2, 3, changes.PAGE, changes.PAGE + 1, len(truth) - 1):
            assert await after(scope, session_id, number) == truth[number:]


async def multiply(scope: Scope, session_id: UUID, count: int) -> None:
    """Adds so many messages and runs at once, each run right behind its message, by clocks that run backwards."""
    statements: Sequence[str] = (
        """
        INSERT INTO messages (id, session_id, parent_id, branch, depth, role, status, seq, created_at)
        SELECT gen_random_uuid(), m.session_id, m.parent_id, 0, m.depth + n, 'assistant', 'complete', m.seq + 2 * n,
            now() - n * interval '1 second'
        FROM messages m, generate_series(1, :count) n WHERE m.session_id = :id AND m.role = 'assistant'
        """,
        """
        INSERT INTO runs (id, session_id, message_id, executor, position, status, seq, created_at)
        SELECT gen_random_uuid(), session_id, id, 'server', seq, 'completed', seq + 1, created_at
        FROM messages WHERE session_id = :id AND status = 'complete' AND role = 'assistant'
        """,
        "UPDATE sessions SET head = head + 2 * :count WHERE id = :id",
    )
    for statement in statements:
        await execute(scope, statement, id=session_id, **({"count": count} if ":count" in statement else {}))
