"""Who may write to a run: checks that everything a producer outside does begins with."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat.conversation import sessions
from chat.refusals import Fenced, InvalidInput, NotAllowed, NotFound, RunClosed
from chat.scope import Scope
from db import runs
from db.models import ACTIVE, Executor, MemberRole, Run


async def authorise(scope: Scope, run_id: UUID) -> None:
    """Passes if the viewer may write to the run's session.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
    """
    role = await runs.role(scope.reader, run_id)
    if role is None:
        raise NotFound("run")
    if role is MemberRole.READER:
        raise NotAllowed(sessions.READ_ONLY)


def check_executor(run: Run) -> None:
    """Passes if an app writes the run.

    Raises:
        InvalidInput: the server itself does.
    """
    if run.executor is Executor.SERVER:
        raise InvalidInput("id", "The server generates this run itself.")


async def current(tx: AsyncSession, run_id: UUID) -> Run:
    """The run as it is.

    Raises:
        NotFound: there is none.
    """
    run = await runs.get(tx, run_id)
    if run is None:
        raise NotFound("run")
    return run


async def hold(tx: AsyncSession, scope: Scope, run_id: UUID, epoch: int) -> Run:
    """Renews the lease, and keeps everybody else from the run until the commit.

    Raises:
        Fenced: another producer has a later epoch.
        RunClosed: the run is over.
        InvalidInput: it has not begun, or the server itself generates it.
    """
    held = await runs.hold(tx, run_id, epoch, scope.process.timing.lease_delta)
    if held is not None:
        check_executor(held)
        return held
    run = await current(tx, run_id)
    if run.status not in ACTIVE:
        raise RunClosed(run.status)
    if run.epoch != epoch:
        raise Fenced(run.epoch)
    raise InvalidInput("id", "The run is queued. Take it over when it is next.")
