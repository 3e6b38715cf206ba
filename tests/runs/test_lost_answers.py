"""The database has stored it, and the connection breaks before it could say so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from db import runs as run_rows
from db.database import Database
from db.models import RunStatus
from llm.models import Models
from llm.scripted import ScriptedModel
from tests.conftest import Server, viewer_of
from tests.sync.client import agree, watching
from tests.sync.talk import PATIENT, ask, begin


@pytest.mark.parametrize("step", ["claim", "end"])
async def test_a_reply_is_whole_and_heard_at_once(server: Server, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    server.models = Models({"scripted": ScriptedModel.streaming("Whole.")})
    lost = lose_one_answer(monkeypatch, server.db, step)
    async with server.process(timing=PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            sent = await ask(scope, session_id)
            await client.run_is(sent.run.id, RunStatus.COMPLETED)
            assert client.shown[sent.reply.id].text == "Whole."
            await agree(scope, session_id, client)
    assert len(lost) == 1


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
