"""What reads cost: rows are found by an index, as many as are asked for, however much there is."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol
from uuid import UUID, uuid4

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from chat.scope import Scope
from db import (
    agents,
    branches,
    changes,
    deltas,
    forks,
    listing,
    memberships,
    messages,
    nodes,
    owned,
    revisions,
    runs,
    sessions,
    users,
)
from db.listing import Filter
from db.models import Message, Project, Run, Session
from db.page import Span
from db.reader import Reader, Readers
from tests.db import plans
from tests.db.trees import Tree


class Read(Protocol):
    """Something that is read, given the viewer and ten ids."""

    def __call__(self, tx: AsyncSession, me: UUID, ids: list[UUID]) -> Awaitable[object]: ...


READS: dict[str, tuple[Read, int]] = {
    "a session": (lambda tx, me, ids: sessions.with_membership(tx, ids[0], me), 1),
    "changes of the account": (lambda tx, me, ids: memberships.changed(tx, me, 0, 20), 20),
    "runs that are not over": (lambda tx, me, ids: runs.active(tx, ids), 10),
    "runs by id": (lambda tx, me, ids: runs.of_ids(tx, ids), 10),
    "the journal of runs": (lambda tx, me, ids: deltas.of_runs(tx, ids), 10),
    "messages by id": (lambda tx, me, ids: messages.of_ids(tx, ids), 10),
    "the end of a journal": (lambda tx, me, ids: deltas.end(tx, ids[0]), 1),
    "projects": (lambda tx, me, ids: owned.page(tx, Project, Project.owner_id == me, Span(20)), 21),
}

GLANCES: dict[str, tuple[Callable[[Reader, list[UUID]], Awaitable[object]], int]] = {
    "a page of sessions": (lambda reader, ids: listing.page(reader, Span(20), Filter()), 21),
    "a page of sessions, backward": (lambda reader, ids: listing.page(reader, Span(20, backward=True), Filter()), 21),
    "sessions by id": (sessions.of_ids, 10),
    "anything by id": (nodes.kinds, 50),
    "who may write to a run": (lambda reader, ids: runs.role(reader, ids[0]), 1),
    "messages with their journals": (messages.looked_up, 10),
    "where a message stands": (lambda reader, ids: branches.through(reader, ids[0], ids[1], seen_first=True), 1),
    "last messages": (lambda reader, ids: branches.leaves(reader, [(each, 0) for each in ids]), 10),
    "siblings": (lambda reader, ids: branches.siblings(reader, [(each, each) for each in ids]), 10),
    # The first session is the large one, whose messages all begin it.
    "first messages": (lambda reader, ids: branches.siblings(reader, [(each, None) for each in ids[1:]]), 10),
    "revisions": (lambda reader, ids: revisions.of_messages(reader, [(each, 20, None) for each in ids]), 10),
    "what is being written": (lambda reader, ids: forks.flying(reader, ids[0]), 1),
}


SHARED: dict[str, tuple[Callable[[Readers, list[UUID], UUID], Awaitable[object]], int]] = {
    "the newest of a session": (lambda readers, ids, me: changes.newest(readers, ids[0], 20, me), 20),
    "changes of a session": (lambda readers, ids, me: changes.since(readers, ids[0], 0, 20, me), 20),
    "changes of a session after a leaf": (lambda readers, ids, me: changes.since(readers, ids[0], 0, 20, me, me), 50),
    "changes and journals": (
        lambda readers, ids, me: changes.since_with_journal(
            readers, ids[0], 0, 20, [(each, 1, 0) for each in ids], {me: None}, turned=True
        ),
        50,
    ),
    "where an account stands": (lambda readers, ids, _: users.standing(readers, ids[0]), 1),
}


def _glanced[Found](
    glance: Callable[[Reader, list[UUID]], Awaitable[Found]], ids: list[UUID], reader: Reader
) -> Awaitable[Found]:
    return glance(reader, ids)


def _shared(
    read: Callable[[Readers, list[UUID], UUID], Awaitable[object]], ids: list[UUID], me: UUID, readers: Readers
) -> Awaitable[object]:
    return read(readers, ids, me)


IDS = {
    "runs by id": Run.id,
    "the journal of runs": Run.id,
    "the end of a journal": Run.id,
    "messages by id": Message.id,
}


async def test_a_read_looks_at_no_more_than_was_asked_for(quiet: Scope, large: Tree) -> None:
    """0-57, 0-58, 0-81, 1-41."""
    crowded = ("sessions", "memberships", "messages", "runs", "branches", "deltas")
    looked_at: dict[str, dict[str, int]] = {}
    async with quiet.tx(snapshot=True) as tx:
        for name, (read, most) in READS.items():
            ids = list(await tx.scalars(select(IDS.get(name, Session.id)).limit(10)))
            _, scans = await plans.of(tx, partial(read, me=quiet.viewer.id, ids=ids))
            assert scans, name
            assert plans.whole(scans) & set(crowded) == set(), name
            rows = {table: plans.read(scans, table) for table in crowded}
            looked_at[name] = {table: count for table, count in rows.items() if count > most * 3}
        ids = list(await tx.scalars(select(Session.id).limit(10)))
    for name, (glance, most) in GLANCES.items():
        _, scans = await plans.of_reader(quiet.reader, partial(_glanced, glance, ids))
        assert plans.whole(scans) & set(crowded) == set(), name
        rows = {table: plans.read(scans, table) for table in crowded}
        looked_at[name] = {table: count for table, count in rows.items() if count > most * 3}
    for name, (shared, most) in SHARED.items():
        _, scans = await plans.of_readers(quiet.process.db.readers, partial(_shared, shared, ids, quiet.viewer.id))
        assert plans.whole(scans) & set(crowded) == set(), name
        rows = {table: plans.read(scans, table) for table in crowded}
        looked_at[name] = {table: count for table, count in rows.items() if count > most * 3}
    assert looked_at == {name: {} for name in (*READS, *GLANCES, *SHARED)}


async def test_the_agents_to_choose_from_are_found_by_their_owner(quiet: Scope, large: Tree) -> None:
    async with quiet.tx() as tx:
        page, scans = await plans.of(tx, lambda tx: agents.page(tx, quiet.viewer.id, Span(20)))
    assert len(page.rows) == 1
    assert plans.read(scans, "agents") <= 2


async def test_who_claims_an_id_reads_no_table_whole(quiet: Scope, large: Tree) -> None:
    whole = text("SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0")
    async with quiet.process.db.system() as tx:
        message_id = (await tx.scalars(select(Message.id).limit(1))).one()
        note = {"annotations": [{"id": str(large.session_id), "user": "", "text": "", "at": ""}]}
        await tx.execute(update(Message).where(Message.id == message_id).values(marks=note))
        earlier = (await tx.execute(whole)).all()
        assert await nodes.claim(tx, uuid4()) == []
        assert await nodes.claim(tx, message_id) == ["message"]
        assert await nodes.claim(tx, large.session_id) == ["session", "annotation"]
        assert (await tx.execute(whole)).all() == earlier
