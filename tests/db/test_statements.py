"""Statements that go straight to the driver are part of their transaction, and find what the models say."""

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from chat.conversation import messages
from chat.conversation.sessions import NewSession
from chat.refusals import IdTaken
from chat.scope import Scope
from db import messages as message_rows
from db import runs as run_rows
from db import sessions as session_rows
from db import statements
from db.database import Database
from db.failures import duplicate
from db.models import Membership, Message, MessageRole, MessageStatus, Row, Run, Session
from db.statements import Columns

ADD = "INSERT INTO users (id, subject) VALUES ($1, $2)"
COUNT = sa.text("SELECT count(*) FROM users WHERE subject = 'someone'")


async def test_a_statement_is_undone_with_its_transaction(db: Database, tables: str) -> None:
    async def fail() -> None:
        async with db.system() as tx:
            await statements.fetch(tx, ADD, uuid7(), "someone")  # the first thing that the transaction is asked
            assert await tx.scalar(COUNT) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.system() as tx:
        assert await tx.scalar(COUNT) == 0
        await statements.fetch(tx, ADD, uuid7(), "someone")
    async with db.system() as tx:
        assert await tx.scalar(COUNT) == 1


async def test_a_statement_says_which_constraint_it_has_hit(db: Database, tables: str) -> None:
    async with db.system() as tx:
        await statements.fetch(tx, ADD, uuid7(), "someone")
    async with db.system() as tx:
        with pytest.raises(IntegrityError) as raised:
            await statements.fetch(tx, ADD, uuid7(), "someone")
        await tx.rollback()
    assert duplicate(raised.value) == "uq_users_subject"


async def test_an_id_that_is_taken_is_refused_whoever_has_it(quiet: Scope, other: Scope) -> None:
    mine = (await messages.send(quiet, NewSession(), "Hello")).message
    with pytest.raises(IdTaken):
        await messages.send(other, NewSession(), "Hello", message_id=mine.id)


async def test_a_transaction_that_is_cancelled_leaves_a_connection_that_works(db: Database, tables: str) -> None:
    async def write(number: int) -> None:
        async with db.system() as tx:
            await statements.fetch(tx, ADD, uuid7(), f"someone {number}")
            await statements.fetch(tx, "SELECT pg_sleep(0.01)")
            await statements.fetch(tx, ADD, uuid7(), f"someone else {number}")

    writing = [asyncio.create_task(write(number)) for number in range(60)]
    for number, each in enumerate(writing):
        for _ in range(number % 7):
            await asyncio.sleep(0)
        each.cancel()
    await asyncio.wait(writing)
    await write(60)
    async with db.system() as tx:
        found = await tx.scalars(sa.text("SELECT count(*) FROM users GROUP BY split_part(subject, ' ', -1)"))
        assert set(found) == {2}


async def test_an_object_has_what_the_model_would_have(quiet: Scope) -> None:
    at = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)
    sent = await messages.send(quiet, NewSession(metadata={"a": [1]}), "Hello", metadata={"b": 2}, client_created_at=at)
    session, _ = sent.seen
    fresh = Message(
        id=uuid7(), session_id=session.id, branch=0, depth=9, role=MessageRole.USER, status=MessageStatus.COMPLETE
    )
    async with quiet.tx() as tx:
        await message_rows.add(tx, fresh)
        (active,) = await run_rows.active(tx, [session.id])
        found = await session_rows.with_membership(tx, session.id, quiet.viewer.id)
    assert found is not None
    given: list[tuple[Row, object]] = [
        (found[0], session.id),
        (session, session.id),
        (found[1], (session.id, quiet.viewer.id)),
        (sent.message, sent.message.id),
        (sent.reply, sent.reply.id),
        (fresh, fresh.id),
        (sent.run, sent.run.id),
        (active, sent.run.id),
    ]
    async with quiet.tx() as tx:
        for row, key in given:
            stored = await tx.get(type(row), key)
            assert stored is not None
            differing = {
                column.key
                for column in sa.inspect(type(row)).column_attrs
                if getattr(row, column.key) != getattr(stored, column.key)
                or type(getattr(row, column.key)).__name__ != type(getattr(stored, column.key)).__name__
            }
            assert differing == set(), (row, differing)


async def test_what_is_refreshed_does_not_count_as_changed(quiet: Scope) -> None:
    sent = await messages.send(quiet, NewSession(), "Hello")
    columns = Columns(Run, "run")
    async with quiet.tx() as tx:
        run = await run_rows.get(tx, sent.run.id)
        assert run is not None
        stored = await statements.first(
            tx, f"UPDATE runs AS run SET position = 7 WHERE id = $1 RETURNING {columns.sql}", run.id
        )
        assert stored is not None
        columns.refresh(run, stored)
        assert run.position == 7
        assert not tx.is_modified(run)
    for model, alias in ((Session, "s"), (Membership, "m")):
        assert len(Columns(model, alias)) == sum(column.computed is None for column in model.__table__.columns)
