"""The trash: deleted sessions come back for thirty days, or go for good at once, and every window hears of it."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from chat.conversation import messages, sessions
from chat.conversation.member_fields import Personal
from chat.conversation.sessions import NewSession
from chat.library import agents, nodes
from chat.library.agents import Character
from chat.refusals import NotAllowed, NotFound, QuotaExceeded
from chat.removal import deletions, trash
from chat.removal.message_tree import DeletionScope
from chat.removal.retention import tidy_once
from chat.runs import runs
from chat.scope import Scope
from chat.subscriptions import streams
from db import memberships, users
from db.listing import Filter
from db.models import MemberRole, RunStatus, Session
from db.page import Span
from db.trash import KEPT, KEPT_TIMES
from sync.events import SessionChanged
from tests.branching.conversations import shown, tell
from tests.chat.conftest import head_of, join
from tests.organising.conftest import shows, windows
from tests.repeating.asking import ask
from tests.sync.talk import caught_up, execute

TRASH = "{ trash { totalCount edges { node { id title deletedAt archivedAt } } } }"


async def begin(scope: Scope, title: str) -> UUID:
    """A session."""
    session, _ = await sessions.create(scope, NewSession(title=title))
    return session.id


async def thrown(scope: Scope) -> list[str | None]:
    """The titles in the trash, newest deletion first."""
    return [session.title for session, _ in (await trash.page(scope, Span(100))).rows]


async def listed(scope: Scope) -> list[str | None]:
    """The titles in the list."""
    return [seen.title for seen in (await sessions.page(scope, Span(100), Filter())).page.rows]


async def test_a_deleted_session_is_in_the_trash_and_comes_back_as_it_was(scope: Scope) -> None:
    """2-47, 3-6."""
    told = await tell(scope)
    session_id = told["A"].session_id
    await sessions.edit(scope, session_id, personal=Personal(pinned=True, tags=["work"]))
    await sessions.delete(scope, session_id)
    assert (await listed(scope), await thrown(scope)) == ([], ["Talk"])
    (edge,) = (await ask(scope, TRASH))["trash"]["edges"]
    assert edge["node"]["deletedAt"] is not None
    session, member = await trash.restore(scope, session_id)
    assert (session.deleted_at, member.tags, member.pinned_at is not None) == (None, ["work"], True)
    assert (await listed(scope), await thrown(scope)) == (["Talk"], [])
    assert await shown(scope, session_id) == "ABF"
    again, _ = await trash.restore(scope, session_id)
    assert again.updated_at == session.updated_at


async def test_the_trash_is_paged_newest_deletion_first(scope: Scope) -> None:
    ids = [await begin(scope, str(number)) for number in range(4)]
    for id in (ids[2], ids[0], ids[3], ids[1]):
        await sessions.delete(scope, id)
    assert await thrown(scope) == ["1", "3", "0", "2"]
    assert await trash.count(scope) == 4
    found = (await ask(scope, "{ trash(first: 2) { edges { cursor node { title } } pageInfo { hasNextPage } } }"))[
        "trash"
    ]
    assert ([edge["node"]["title"] for edge in found["edges"]], found["pageInfo"]["hasNextPage"]) == (["1", "3"], True)
    query = "query ($after: PageCursor) { trash(after: $after) { edges { node { title } } } }"
    rest = (await ask(scope, query, after=found["edges"][1]["cursor"]))["trash"]
    assert [edge["node"]["title"] for edge in rest["edges"]] == ["0", "2"]


async def test_it_comes_back_in_every_window_of_every_member(patient: Scope, stranger: Scope) -> None:
    scope, stranger = patient, replace(stranger, process=patient.process)
    plans = await begin(scope, "Plans")
    await join(stranger, plans, MemberRole.WRITER)
    await sessions.delete(scope, plans)
    async with windows(scope, scope, stranger) as all_windows:
        await trash.restore(scope, plans)
        for window in all_windows:
            await shows(window, plans, lambda seen: True)
    (seen,) = await sessions.of_ids(stranger, [plans])
    assert seen is not None
    async with streams.session(stranger, plans, None) as opened:
        await caught_up(opened)


async def test_what_ran_stays_stopped(scope: Scope) -> None:
    sent = await messages.send(scope, NewSession(title="Talk"), "Well?")
    waiting = await messages.send(scope, sent.message.session_id, "And?")
    assert await runs.claim(scope.process) is not None
    await sessions.delete(scope, sent.message.session_id)
    await trash.restore(scope, sent.message.session_id)
    ended = await runs.of_ids(scope, [sent.run.id, waiting.run.id])
    assert [each and each.status for each in ended] == [RunStatus.CANCELLED, RunStatus.CANCELLED]
    assert await runs.claim(scope.process) is None


async def test_an_agent_that_is_full_takes_none_back(scope: Scope) -> None:
    agent = await agents.create(scope, Character(name="Helper", active_sessions=1))
    session, _ = await sessions.create(scope, NewSession(agent_id=agent.id))
    await sessions.delete(scope, session.id)
    await sessions.create(scope, NewSession(agent_id=agent.id))
    with pytest.raises(QuotaExceeded):
        await trash.restore(scope, session.id)
    assert await trash.count(scope) == 1


async def test_only_the_owner_restores_and_purges(scope: Scope, stranger: Scope) -> None:
    """1-55, 3-35."""
    plans, shared = await begin(scope, "Plans"), await begin(scope, "Shared")
    await join(stranger, shared, MemberRole.WRITER)
    for change in (trash.purge, trash.restore):
        with pytest.raises(NotAllowed):
            await change(stranger, shared)
    await sessions.delete(scope, plans)
    await sessions.delete(scope, shared)
    head = await head_of(stranger)
    for id in (plans, shared, uuid4()):
        for change in (trash.purge, trash.restore):
            with pytest.raises(NotFound) as refused:
                await change(stranger, id)
            assert refused.value.reason == str(NotFound("session"))
    assert (await thrown(stranger), await trash.count(stranger), await head_of(stranger)) == ([], 0, head)
    async with windows(stranger) as (window,):
        await trash.restore(scope, plans)
        await trash.purge(scope, plans)
        mine = await begin(stranger, "Mine")
        await shows(window, mine, lambda seen: True)
    assert await thrown(scope) == ["Shared"]


async def test_after_thirty_days_it_is_too_late(scope: Scope) -> None:
    plans = await begin(scope, "Plans")
    await sessions.delete(scope, plans)
    await execute(
        scope, "UPDATE sessions SET deleted_at = now() - interval '30 days 1 second' WHERE id = :id", id=plans
    )
    assert (await thrown(scope), await trash.count(scope)) == ([], 0)
    with pytest.raises(NotFound):
        await trash.restore(scope, plans)


@pytest.mark.parametrize("deleted", [True, False])
async def test_what_is_purged_is_gone_for_good_and_its_id_stays_taken(scope: Scope, *, deleted: bool) -> None:
    told = await tell(scope)
    session_id = told["A"].session_id
    sent = await messages.send(scope, session_id, "Well?")
    await sessions.edit(scope, session_id, metadata={"secret": 1}, personal=Personal(tags=["mine"]))
    await execute(scope, """UPDATE sessions SET state = '{"a": 1}', external_id = 'chat-1', last_branch = 7""")
    await deletions.delete(scope, session_id, told["C"].id, DeletionScope.MESSAGE)
    if deleted:
        await sessions.delete(scope, session_id)
    await trash.purge(scope, session_id)
    assert (await listed(scope), await thrown(scope)) == ([], [])
    assert await nodes.kinds(scope, [told["A"].id, sent.run.id]) == {}
    assert await left(scope, session_id) == {"messages": 0, "runs": 0, "branches": 0, "deltas": 0}
    async with scope.process.db.system() as tx:
        session = await tx.get(Session, session_id)
    assert session is not None
    assert session.purged_at is not None
    untouched, _ = await sessions.create(scope, NewSession())
    for name in set(sa.inspect(Session).column_attrs.keys()) - {*KEPT, *KEPT_TIMES}:
        assert getattr(session, name) == getattr(untouched, name), name
    for change in (trash.purge, trash.restore):
        with pytest.raises(NotFound):
            await change(scope, session_id)
    with pytest.raises(NotFound):
        await sessions.create(scope, NewSession(id=session_id))


async def left(scope: Scope, session_id: UUID) -> dict[str, int]:
    """How much there is in a session."""
    found = {}
    async with scope.process.db.system() as tx:
        for table in ("messages", "runs", "branches"):
            query = f"SELECT count(*) FROM {table} WHERE session_id = :id"
            found[table] = int((await tx.execute(sa.text(query), {"id": session_id})).scalar_one())
        found["deltas"] = int((await tx.execute(sa.text("SELECT count(*) FROM deltas"))).scalar_one())
    return found


async def test_a_purge_is_heard_by_every_window_now_and_later(patient: Scope) -> None:
    scope = patient
    plans = await begin(scope, "Plans")
    async with windows(scope, scope) as both:
        await trash.purge(scope, plans)
        for window in both:
            event = await anext(window)
            assert isinstance(event, SessionChanged)
            assert (event.row.id, event.row.deleted_at is not None) == (plans, True)
    start = str(both[0].feed.cursor(1, 0))
    async with streams.account(scope, start) as window:
        told = await caught_up(window)
    assert [(each.row.id, each.row.title) for each in told if isinstance(each, SessionChanged)] == [(plans, None)]


async def test_a_purged_session_is_forgotten_with_the_others(scope: Scope) -> None:
    plans = await begin(scope, "Plans")
    await trash.purge(scope, plans)
    await execute(scope, "UPDATE sessions SET deleted_at = now() - interval '31 days' WHERE id = :id", id=plans)
    await tidy_once(scope.process)
    session, _ = await sessions.create(scope, NewSession(id=plans))
    assert session.id == plans


async def test_what_is_in_the_trash_is_read_by_nobody_not_even_by_its_id(scope: Scope, stranger: Scope) -> None:
    sent = await messages.send(scope, NewSession(title="Talk"), "Between us")
    session_id, message_id, run_id = sent.message.session_id, sent.message.id, sent.run.id
    await join(stranger, session_id, MemberRole.READER)
    await sessions.delete(scope, session_id)
    for each in (scope, stranger):
        assert await messages.of_ids(each, [message_id]) == [None]
        assert await runs.of_ids(each, [run_id]) == [None]
    await trash.restore(scope, session_id)
    for each in (scope, stranger):
        (back,) = await messages.of_ids(each, [message_id])
        assert back is not None
        assert (await runs.of_ids(each, [run_id]))[0] is not None


async def test_a_purge_waits_for_who_has_locked_the_account_first(scope: Scope) -> None:
    """As every mutation of what is personal does, before it changes a membership."""
    plans = await begin(scope, "Plans")
    async with scope.process.db.system() as tx:
        seq = await users.advance(tx, scope.viewer.id)
        purging = asyncio.create_task(trash.purge(scope, plans))
        await asyncio.sleep(0.3)
        await memberships.change(tx, plans, scope.viewer.id, seq, {"draft": "Dear all,"})
    assert await purging == plans
