"""A process that stores and serves, and leaves the replies unwritten."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from chat.library import accounts
from chat.runs import runs
from chat.runs.runs import Outcome
from chat.runtime import Life
from chat.scope import Scope
from db.models import MemberRole, Membership, Run, RunStatus
from tests.conftest import Server
from tests.organising.conftest import elsewhere, patient

__all__ = ["elsewhere", "patient"]


@pytest.fixture
async def alive(server: Server) -> AsyncIterator[Life]:
    """See above."""
    async with server.process(produces=False) as started:
        yield started


async def join(member: Scope, session_id: UUID, role: MemberRole) -> None:
    """Makes another viewer a member of a session."""
    async with member.process.db.system() as tx:
        tx.add(Membership(session_id=session_id, user_id=member.viewer.id, role=role))


async def head_of(scope: Scope) -> int:
    """The last number taken in the viewer's account scope."""
    return (await accounts.me(scope)).head


async def answer(scope: Scope, run: Run, text: str) -> Run:
    """Has the process write a reply, as a producer would."""
    process = scope.process
    claimed = await runs.claim(process)
    assert claimed is not None
    assert claimed.id == run.id
    pen = process.journal.pen(
        run_id=run.id, session_id=run.session_id, message_id=run.message_id, epoch=claimed.epoch, producer=process.id
    )
    await pen.write(("p", 0, {"kind": "text", "text": text}))
    await pen.flush()
    ended = await runs.finish(process, claimed, Outcome(RunStatus.COMPLETED))
    assert ended is not None
    return ended
