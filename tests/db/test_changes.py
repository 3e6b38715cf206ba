"""What a process reads of a session for all its windows: each time one statement, and the rows exactly."""

from uuid import UUID, uuid4

import orjson

from chat.conversation import messages, sessions
from chat.conversation.sessions import NewSession
from chat.scope import Scope
from db import changes, deltas
from db import messages as message_rows
from db import runs as run_rows
from db import sessions as session_rows
from db.deltas import Entry
from db.models import Message, MessageStatus, Run, RunStatus
from db.rows import Change
from db.rows import Run as ReadRun

RUN = [name for name in ReadRun.__annotations__ if name != "_found"]


async def send(scope: Scope) -> tuple[UUID, Message, Run]:
    """A session, a reply in it that waits for its run, and the run."""
    sent = await messages.send(scope, NewSession(title="Talk"), "Hello")
    return sent.message.session_id, sent.reply, sent.run


async def write(scope: Scope, run: Run, *entries: tuple[int, int, int]) -> None:
    """Has the run be in its second epoch; in an epoch it has journaled `count` events, the first of them `seq`."""
    async with scope.process.db.system() as tx:
        found = await tx.get(Run, run.id)
        assert found is not None
        found.status, found.epoch = RunStatus.RUNNING, 2
        await message_rows.change(tx, run.message_id, run.seq, {"status": MessageStatus.STREAMING})
        for epoch, seq, count in entries:
            events = orjson.dumps([["a", 0, 0, "x"]] * count)
            await deltas.add(tx, Entry(run.id, epoch, seq, count, events))


def by_kind(found: list[Change]) -> list[tuple[str | None, UUID | None]]:
    """Kinds and ids, without an order that nobody promises."""
    return sorted(((row.kind, row["run.id"] if row.kind == "run" else row["id"]) for row in found), key=str)


async def test_the_newest_messages_are_those_at_the_end_of_the_branch_and_those_in_flight(quiet: Scope) -> None:
    session_id, reply, run = await send(quiet)
    readers = quiet.process.db.readers
    found = list(await changes.newest(readers, session_id, 1, quiet.viewer.id))
    assert by_kind(found) == [("message", reply.id), ("seen", None)]
    assert found[0].writing is None
    assert len(await changes.newest(readers, session_id, 50, quiet.viewer.id)) == 3

    await write(quiet, run, (1, 1, 4), (2, 1, 2), (2, 3, 3))
    found = list(await changes.newest(readers, session_id, 1, quiet.viewer.id))
    assert by_kind(found) == [("flying", reply.id), ("message", reply.id), ("seen", None)]
    assert [row.writing for row in found if row.kind != "seen"] == [[2, 5], [2, 5]]
    assert [len(row.journal or ()) for row in found if row.kind != "seen"] == [3, 3]
    assert by_kind(list(await changes.newest(readers, session_id, 0))) == [("flying", reply.id)]


async def test_a_run_that_has_not_written_in_its_epoch_is_known_up_to_nothing(quiet: Scope) -> None:
    session_id, _, run = await send(quiet)
    await write(quiet, run, (1, 1, 4))
    (row,) = await changes.newest(quiet.process.db.readers, session_id, 0)
    assert row.writing == [2, 0]


async def test_what_changed_since_a_number_is_as_it_is_stored(quiet: Scope) -> None:
    session_id, reply, run = await send(quiet)
    found = list(await changes.since(quiet.process.db.readers, session_id, 0, 10))
    async with quiet.process.db.system() as tx:
        session = await session_rows.get(tx, session_id)
        stored = await message_rows.get(tx, reply.id)
        stored_run = await run_rows.get(tx, run.id)
    assert session is not None
    assert {(row.scope_epoch, row.scope_head) for row in found} == {(session.epoch, session.head)}
    (message,) = [row for row in found if row["id"] == reply.id]
    (read,) = [ReadRun(row) for row in found if row.kind == "run"]
    for name in ("id", "session_id", "depth", "status", "parts", "meta", "run_id", "seq", "created_at", "deleted_at"):
        assert getattr(message, name) == getattr(stored, name), name
    for name in RUN:
        assert getattr(read, name) == getattr(stored_run, name), name

    later = await changes.since(quiet.process.db.readers, session_id, reply.seq, 10)
    assert by_kind(list(later)) == [("run", run.id)] if run.seq > reply.seq else [(None, None)]
    (nothing,) = await changes.since(quiet.process.db.readers, session_id, session.head, 10)
    assert (nothing.kind, nothing.scope_head) == (None, session.head)


async def test_the_journal_is_read_from_the_entry_that_has_the_next_event(quiet: Scope) -> None:
    session_id, _, run = await send(quiet)
    await write(quiet, run, (1, 1, 4), (2, 1, 2), (2, 3, 3))
    async with quiet.process.db.system() as tx:
        session = await session_rows.get(tx, session_id)
    assert session is not None
    first, second = (1, 2, 2), (3, 2, 3)
    for last, missing in {0: [first, second], 1: [first, second], 2: [second], 4: [second], 5: []}.items():
        known = [(run.id, 2, last), (uuid4(), 1, 0)]
        found = await changes.since_with_journal(quiet.process.db.readers, session_id, session.head, 10, known)
        told = [(row.delta_seq, row.delta_epoch, len(orjson.loads(row.delta_events))) for row in found if row.kind]
        assert sorted(told) == missing
        assert {row.delta_run_id for row in found if row.kind} <= {run.id}


async def test_of_a_session_that_is_deleted_there_is_nothing(quiet: Scope) -> None:
    session_id, _, run = await send(quiet)
    readers = quiet.process.db.readers
    await sessions.delete(quiet, session_id)
    for gone in (session_id, uuid4()):
        assert await changes.newest(readers, gone, 50) == []
        assert await changes.since(readers, gone, 0, 50) == []
        assert await changes.since_with_journal(readers, gone, 0, 50, [(run.id, 0, 0)]) == []


async def test_what_members_see_is_read_with_what_changed(quiet: Scope) -> None:
    session_id, reply, _ = await send(quiet)
    readers, me = quiet.process.db.readers, quiet.viewer.id
    seen = await sessions.get(quiet, session_id)
    assert seen is not None
    (row,) = await changes.since_with_journal(readers, session_id, seen[0].head, 10, [], {me: changes.Told(0, 2)})
    assert row.kind == "seen"
    assert row.data == {
        "number": 0,
        "length": 2,
        "leaf": str(reply.id),
        "members": [[str(me), seen[1].seq, None]],
    }
