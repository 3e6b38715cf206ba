"""The database has stored it, and the connection breaks before it could say so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chat.runs import runs
from chat.runs.sweeper import sweep_once
from db import runs as run_rows
from db.database import Database
from db.models import RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from tests.conftest import Server, viewer_of
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, at, begin, execute, has_status


@pytest.mark.parametrize("step", ["claim", "end"])
async def test_a_reply_is_whole_and_heard_at_once(server: Server, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """And the one that waits for it begins."""
    server.models = Models({"scripted": ScriptedModel.streaming("Whole.")})
    lost = lose_one_answer(monkeypatch, server.db, step)
    async with server.process(timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent, waiting = [await ask(scope, session_id) for _ in range(2)]
            await client.run_is(sent.run.id, RunStatus.COMPLETED)
            await client.run_is(waiting.run.id, RunStatus.COMPLETED)
            assert [client.shown[each.reply.id].text for each in (sent, waiting)] == ["Whole.", "Whole."]
            await agree(scope, session_id, client)
    assert len(lost) == 1


async def test_what_was_claimed_without_an_answer_ends_with_its_process(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server.process(produces=False, timing=PATIENT) as other:
        scope = await viewer_of(other)
        session_id = await begin(scope)
        lost = lose_one_answer(monkeypatch, server.db, "claim")
        async with server.process(timing=PATIENT) as started:
            sent = await ask(at(scope, started), session_id)
            await has_status(scope, sent.run.id, RunStatus.RUNNING)
            await started.drain()
        assert len(lost) == 1
        (run,) = await runs.of_ids(scope, [sent.run.id])
        assert run is not None
        assert run.status is RunStatus.INTERRUPTED


async def test_what_is_taken_up_late_has_a_new_lease(server: Server) -> None:
    async with server.process(produces=False, timing=PATIENT) as started:
        scope = await viewer_of(started)
        sent = await ask(scope, await begin(scope))
        assert await runs.claim(started.process) is not None
        await execute(scope, "UPDATE runs SET lease_until = now() WHERE id = :id", id=sent.run.id)
        found = await runs.unheard(started.process)
        assert found is not None
        assert found.id == sent.run.id
        assert await sweep_once(started.process) == 0


def lose_one_answer(monkeypatch: pytest.MonkeyPatch, db: Database, step: str) -> list[AsyncSession]:
    """Whoever commits the first transaction that does this to a run is told that the connection was lost."""
    work, transaction, lost = getattr(run_rows, step), db.system, list[AsyncSession]()

    async def noticed(tx: AsyncSession, *args: Any, **named: Any) -> object:
        found = await work(tx, *args, **named)
        if found is not None and not lost:
            lost.append(tx)
        return found

    @asynccontextmanager
    async def system(**named: Any) -> AsyncIterator[AsyncSession]:
        async with transaction(**named) as tx:
            yield tx
        if lost == [tx]:
            raise ConnectionResetError("The answer was lost.")

    monkeypatch.setattr(run_rows, step, noticed)
    monkeypatch.setattr(db, "system", system)
    return lost
