"""Questions of a run to a person, such as the approval of a tool call. Asked once, answered once, from any window."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from chat import validation
from chat.conversation import sessions
from chat.refusals import InvalidInput, NotFound, RunClosed
from chat.runs import leases
from chat.scope import Scope, made
from db import runs, texts
from db import sessions as session_rows
from db.models import ACTIVE, Json, Run, RunStatus

TEXT = 2_000
"""Characters of a question."""


async def ask(scope: Scope, run_id: UUID, epoch: int, text: str, *, data: object = None) -> Run:
    """Has a run of the caller's wait for a person. It keeps its lease for as long as that takes.

    Asking the same again while it waits changes nothing.

    Raises:
        NotFound, NotAllowed, Fenced, RunClosed: as for an append.
        InvalidInput: the question cannot be used, or another one waits.
    """
    text = texts.storable(text).strip()
    if not 0 < len(text) <= TEXT:
        raise InvalidInput("text", f"A question has between 1 and {TEXT:,} characters.")
    asked = {"text": text, "data": validation.metadata("data", data)}
    await leases.authorise(scope, run_id)
    async with scope.write() as tx:
        made(tx, run=run_id)
        session = await session_rows.advance(tx, (await leases.current(tx, run_id)).session_id, 0)
        if session is None:
            raise NotFound("run")
        run = await leases.hold(tx, scope, run_id, epoch)
        if run.status is RunStatus.AWAITING_INPUT:
            if {key: run.question[key] for key in asked} != asked if run.question else True:
                raise InvalidInput("text", "The run waits for the answer to another question.")
            return run
        session = await session_rows.advance(tx, run.session_id) or session
        question = {"id": str(uuid7()), **asked, "answer": None, "answeredBy": None}
        run = await runs.wait_for_input(tx, run_id, session.head, question)
    sessions.ring(scope.process, session)
    return run


async def answer(scope: Scope, run_id: UUID, question_id: UUID, value: object) -> Run:
    """Answers the question that a run waits for. The first answer counts.

    Raises:
        NotFound: there is no such run for the viewer.
        NotAllowed: the viewer may only read the session.
        RunClosed: the run is over.
        InvalidInput: the run does not wait for this question: it is answered, or was never asked.
    """
    given: Json = validation.metadata("answer", value)
    async with scope.write() as tx:
        made(tx, run=run_id)
        run = await leases.current(tx, run_id)
        await sessions.writable(tx, scope, run.session_id, "run")
        session = await session_rows.advance(tx, run.session_id)
        run = await _waiting(tx, run_id, question_id)
        if session is None:
            raise NotFound("run")
        answered = {**(run.question or {}), "answer": given, "answeredBy": str(scope.viewer.id)}
        run = await runs.go_on(tx, run_id, session.head, answered, scope.process.timing.lease_delta)
    sessions.ring(scope.process, session)
    return run


async def _waiting(tx: AsyncSession, run_id: UUID, question_id: UUID) -> Run:
    run = await runs.current(tx, run_id)
    if run is None:
        raise NotFound("run")
    if run.status not in ACTIVE:
        raise RunClosed(run.status)
    if run.question is None or run.question["id"] != str(question_id):
        raise InvalidInput("questionId", "The run does not ask this.")
    if run.status is not RunStatus.AWAITING_INPUT:
        raise InvalidInput("questionId", "This was answered already, by someone who was quicker.")
    return run
