"""A viewer who starts no runs, and one with much in the database."""

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from chat.scope import Scope
from tests.conftest import Server, viewer_of
from tests.db.trees import Tree, ground, grow


@pytest.fixture
async def quiet(server: Server) -> AsyncIterator[Scope]:
    """A viewer at a process that leaves runs alone."""
    async with server.process(produces=False) as started:
        yield await viewer_of(started)


@pytest.fixture
async def other(server: Server) -> AsyncIterator[Scope]:
    """Another viewer at such a process."""
    async with server.process(produces=False) as started:
        yield await viewer_of(started)


_MANY_SESSIONS = text("""
    WITH made AS (
        INSERT INTO sessions (id, owner_id) SELECT gen_random_uuid(), :user_id FROM generate_series(1, 2000)
        RETURNING id, owner_id
    ), joined AS (
        INSERT INTO memberships (session_id, user_id, role) SELECT id, owner_id, 'owner' FROM made
    ), asked AS (
        INSERT INTO messages (id, session_id, branch, depth, role, status)
        SELECT gen_random_uuid(), id, 0, 0, 'assistant', 'complete' FROM made RETURNING id, session_id
    ), begun AS (
        INSERT INTO runs (id, session_id, message_id, status, position)
        SELECT gen_random_uuid(), session_id, id, 'running', 1 FROM asked RETURNING id
    )
    INSERT INTO deltas (run_id, epoch, seq, count, events) SELECT id, 0, 1, 1, '[]' FROM begun
""")


@pytest.fixture
async def large(quiet: Scope, other: Scope) -> Tree:
    """A session of 2,000 messages on 201 branches, forks in forks; the viewer and another have 2,000 small ones."""
    chance = random.Random(7)
    async with quiet.process.db.system() as tx:
        session = await ground(tx, quiet.viewer.id)
        made = [await grow(tx, session.id, None, 0, 0, 400)]
        trunk = made[0]
        for number in range(1, 201):
            aside = number % 10 == 0
            origin = chance.choice(made) if aside else trunk
            made.append(await grow(tx, session.id, origin, number, origin.starts[-1] + chance.randint(1, 8), 8))
            trunk = trunk if aside else made[-1]
        for user_id in (quiet.viewer.id, other.viewer.id):
            await tx.execute(_MANY_SESSIONS, {"user_id": user_id})
    async with quiet.process.db.system() as tx:
        await tx.execute(text("ANALYZE"))
    return Tree(session.id)
