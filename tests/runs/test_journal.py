"""The journal: stored in order, then published, each event once, whatever happens to connections and producers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from chat.conversation import messages
from chat.runs.sweeper import sweep_once
from db import deltas
from db.models import MessageStatus, RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from sync import channels, journal
from sync.channels import Frame
from sync.cursors import ScopeKind
from sync.journal import Fenced
from tests.conftest import Server, viewer_of
from tests.runs.work import Writer, hear, pen_of, stored, taken, turns
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, begin, execute


async def test_many_runs_are_stored_in_few_commits_and_each_in_order(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        writers = [Writer(pen_of(started.process, (await taken(scope))[1])) for _ in range(20)]
        for number in range(100):
            for writer in writers:
                await writer.write(f"{number},")
        await asyncio.gather(*(writer.pen.flush() for writer in writers))
        for writer in writers:
            rows = await stored(scope, writer.pen.run_id)
            assert sum(count for _, count, _ in rows) == 100
            assert len(rows) <= 2
            assert [seq for seq, _, _ in rows] == [1, 101][: len(rows)]
            events = [event for _, _, events in rows for event in events]
            assert "".join(_text(event) for event in events) == "".join(f"{number}," for number in range(100))


def _text(event: object) -> str:
    assert isinstance(event, list)
    return str(event[3]) if event[0] == "a" else str(event[2]["text"])


async def test_nothing_is_published_before_it_is_on_disk(server: Server, tables: str) -> None:
    """The listener looks into the database at the very moment of each frame, while nothing else can go on."""

    def count(run_id: object, seq: int) -> int:
        async def ask() -> int:
            connection = await asyncpg.connect(tables)
            try:
                return int(
                    await connection.fetchval("SELECT count FROM deltas WHERE run_id = $1 AND seq = $2", run_id, seq)
                    or 0
                )
            finally:
                await connection.close()

        return asyncio.run(ask())

    class Witness:
        def __init__(self) -> None:
            self.seen: list[bool] = []

        def on_message(self, payload: bytes) -> None:
            told = channels.read(payload)
            if isinstance(told, Frame):
                with ThreadPoolExecutor(1) as thread:
                    found = thread.submit(count, told.run_id, told.seq).result()
                self.seen.append(found == len(told.events))

        def on_loss(self) -> None:
            raise AssertionError

    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        sent, run = await taken(scope)
        witness = Witness()
        await started.process.bus.listen(channels.channel(ScopeKind.SESSION, sent.run.session_id), witness)
        writer = Writer(pen_of(started.process, run))
        for number in range(10):
            await writer.write(f"{number},")
            await turns(number)
        await writer.pen.flush()
        assert witness.seen
        assert all(witness.seen)


async def test_connections_that_are_killed_lose_and_double_nothing(server: Server, tables: str) -> None:
    tokens = [f"{number} " for number in range(300)]
    server.models = Models({"scripted": ScriptedModel.streaming(tokens, interval=0.003)})
    async with server.process() as started, killing(tables) as kill:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            killed = 0
            while client.runs.get(sent.run.id) is not RunStatus.COMPLETED:
                killed += await kill()
                await client.hears(20)
            assert killed > 2
            assert client.shown[sent.reply.id].text == "".join(tokens)
            await agree(scope, session_id, client)


@asynccontextmanager
async def killing(tables: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Ends all other connections to the database, each time it is called; says how many there were."""
    killer = await asyncpg.connect(tables)
    try:
        yield partial(
            killer.fetchval,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
    finally:
        await killer.close()


async def test_a_sealed_message_holds_exactly_what_was_published(server: Server) -> None:
    async with (
        server.process(produces=False, timing=PATIENT) as started,
        server.process(produces=False, timing=PATIENT) as other,
    ):
        scope = await viewer_of(started)
        for turn in range(10):
            sent, run = await taken(scope)
            ear = await hear(started.process, run.session_id)
            writer = Writer(pen_of(started.process, run))

            async def write(writer: Writer = writer) -> None:
                while True:
                    await writer.write("x")
                    await asyncio.sleep(0)

            writing = asyncio.create_task(write())
            await turns(turn * 3)
            await execute(scope, "UPDATE runs SET lease_until = now() - interval '1 second' WHERE id = :id", id=run.id)
            assert await sweep_once(other.process) == 1
            with pytest.raises(Fenced):
                await asyncio.wait_for(writing, 10)
            with pytest.raises(Fenced):
                await writer.pen.flush()
            (message,) = await messages.of_ids(scope, [sent.reply.id])
            assert message is not None
            assert message.status is MessageStatus.INTERRUPTED
            assert message.content == ear.content
            assert await stored(scope, run.id) == []


async def test_a_pen_of_an_earlier_epoch_writes_nothing(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        _, run = await taken(scope)
        ear = await hear(started.process, run.session_id)
        writer = Writer(pen_of(started.process, run))
        await writer.write("mine")
        await writer.pen.flush()
        await execute(scope, "UPDATE runs SET epoch = epoch + 1, producer = 'other' WHERE id = :id", id=run.id)
        await writer.write(" no more")
        with pytest.raises(Fenced):
            await writer.pen.flush()
        with pytest.raises(Fenced):
            await writer.write(" at all")
        assert ear.content == "mine"
        assert len(await stored(scope, run.id)) == 1


async def test_producers_are_held_back_while_the_disk_is_behind(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BACKLOG", 10)
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        _, run = await taken(scope)
        writer = Writer(pen_of(started.process, run))
        written = 0

        async def write() -> None:
            nonlocal written
            for _ in range(50):
                await writer.write("x")
                written += 1

        async with started.process.db.system() as tx:
            await deltas.seal(tx, started.process.id)  # no append gets past this
            writing = asyncio.create_task(write())
            await turns(50)
            assert (written, writing.done()) == (10, False)
        await asyncio.wait_for(writing, 10)
        await writer.pen.flush()
        assert sum(count for _, count, _ in await stored(scope, run.id)) == 50


async def test_a_large_backlog_of_one_run_is_stored_piece_by_piece(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        _, run = await taken(scope)
        ear = await hear(started.process, run.session_id)
        pen = pen_of(started.process, run)
        count = 40_000  # more than a smallint holds
        await pen.write(("p", 0, {"kind": "text", "text": ""}), *(("a", 0, number, "x") for number in range(count - 1)))
        await pen.flush()
        rows = await stored(scope, run.id)
        assert [(seq, many) for seq, many, _ in rows] == [
            (seq, journal.LARGEST) for seq in range(1, count, journal.LARGEST)
        ]
        assert ear.content == "x" * (count - 1)


async def test_what_cannot_be_stored_fences_its_own_run_alone(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        (_, bad_run), (_, good_run) = await taken(scope), await taken(scope)
        bad, good = pen_of(started.process, bad_run), Writer(pen_of(started.process, good_run))
        await bad.write(("p", 0, {"kind": "text", "text": "\ud800"}))
        await good.write("Still ")
        with pytest.raises(Fenced):
            await bad.flush()
        with pytest.raises(Fenced):
            await bad.write(("p", 0, {"kind": "text", "text": "later"}))
        await good.write("here.")
        await good.pen.flush()
        assert await stored(scope, bad_run.id) == []
        assert sum(count for _, count, _ in await stored(scope, good_run.id)) == 2


async def test_after_a_refusal_nothing_more_is_stored_though_it_waited_already(server: Server) -> None:
    """The database refuses one entry, and another one is pending behind it: storing that would leave a hole."""
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        _, run = await taken(scope)
        pen = pen_of(started.process, run)
        await execute(scope, "ALTER TABLE deltas ADD CONSTRAINT no_evil CHECK (events NOT LIKE '%evil%')")
        try:
            async with started.process.db.system() as tx:
                await deltas.seal(tx, started.process.id)
                await pen.write(("p", 0, {"kind": "text", "text": "evil"}))
                await turns(20)
                await pen.write(("a", 0, 4, "good"))
            with pytest.raises(Fenced):
                await pen.flush()
            writer = Writer(pen_of(started.process, (await taken(scope))[1]))
            await writer.write("others go on")
            await writer.pen.flush()
            assert await stored(scope, run.id) == []
        finally:
            await execute(scope, "ALTER TABLE deltas DROP CONSTRAINT no_evil")


async def test_a_token_alone_waits_for_nothing_and_those_that_follow_share_a_turn(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        _, run = await taken(scope)
        writer = Writer(pen_of(started.process, run))
        monkeypatch.setattr(journal, "PAUSE", 3600)
        await writer.write("a")
        await asyncio.wait_for(writer.pen.flush(), 10)
        await writer.write("b")
        await writer.write("c")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.pen.flush(), 0.25)
        assert (writer.pen.written, writer.pen.durable) == (3, 1)


async def test_a_turn_can_be_repeated_and_tells_again_whose_events_it_took_not(server: Server) -> None:
    """Its outcome may be unknown: some of it may be stored, a run may be over by now, and something may be new."""
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        (_, first), (_, second), (_, gone) = await taken(scope), await taken(scope), await taken(scope)
        entries = [
            deltas.Entry(run.id, run.epoch, seq, 1, f'["{seq}"]'.encode())
            for run, seq in ((first, 1), (second, 1), (gone, 1), (second, 2))
        ]

        async def append(*entries: deltas.Entry) -> set[UUID]:
            async with started.process.db.driver() as driver:
                return await deltas.append(driver, [started.process.id], entries)

        assert await append(*entries[:3]) == set()
        await execute(scope, "UPDATE runs SET epoch = epoch + 1 WHERE id = :id", id=gone.id)
        assert await append(entries[0], *entries[2:]) == {gone.id}
        assert await append(entries[2]) == {gone.id}
        assert await stored(scope, first.id) == [(1, 1, ["1"])]
        assert await stored(scope, second.id) == [(1, 1, ["1"]), (2, 1, ["2"])]
        assert await stored(scope, gone.id) == [(1, 1, ["1"])]


async def test_a_closed_pen_stores_what_it_has_and_takes_no_more(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        _, run = await taken(scope)
        writer = Writer(pen_of(started.process, run))
        await writer.write("the end")
        writer.pen.close()
        with pytest.raises(Fenced):
            await writer.write(" and more")
        await writer.pen.flush()
        assert [count for _, count, _ in await stored(scope, run.id)] == [1]


async def test_the_journal_of_a_run_goes_when_its_message_is_whole(server: Server, model: ScriptedModel) -> None:
    async with server.process() as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await model.say("Yes", end=True)
            await client.over(sent.run.id)
        async with started.process.db.system() as tx:
            assert await tx.scalar(sa.text("SELECT count(*) FROM deltas")) == 0
