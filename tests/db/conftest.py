"""A viewer who starts no runs, and one with much in the database."""

import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat.scope import Scope
from db.models import (
    Branch,
    Delta,
    MemberRole,
    Membership,
    Message,
    MessageRole,
    MessageStatus,
    Row,
    Run,
    RunStatus,
    Session,
)
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


async def crowd(tx: AsyncSession, user_id: UUID, count: int) -> None:
    """Gives a user many sessions, each with a reply that is being written."""
    made = [uuid7() for _ in range(count)]
    rows: dict[type[Row], list[dict[str, Any]]] = {
        Session: [{"id": id, "owner_id": user_id} for id in made],
        Membership: [{"session_id": id, "user_id": user_id, "role": MemberRole.OWNER} for id in made],
        Branch: [{"session_id": id, "number": 0, "lineage": [0], "starts": [0]} for id in made],
        Message: [
            {
                "id": id,
                "session_id": id,
                "branch": 0,
                "depth": 0,
                "role": MessageRole.ASSISTANT,
                "status": MessageStatus.STREAMING,
                "run_id": id,
            }
            for id in made
        ],
        Run: [
            {"id": id, "session_id": id, "message_id": id, "status": RunStatus.RUNNING, "position": 1} for id in made
        ],
        Delta: [{"run_id": id, "epoch": 0, "seq": 1, "count": 1, "events": "[]"} for id in made],
    }
    for kind, each in rows.items():
        await tx.execute(insert(kind), each)


@pytest.fixture
async def large(quiet: Scope, other: Scope) -> Tree:
    """A session of 2,000 messages on 201 branches, forks in forks; the viewer and another have 600 small ones."""
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
            await crowd(tx, user_id, 600)
    async with quiet.process.db.system() as tx:
        await tx.execute(text("ANALYZE"))
    return Tree(session.id)
