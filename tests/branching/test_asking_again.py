"""What is asked again, in other words or for another reply, appears in every window at once."""

from collections.abc import Awaitable, Callable

import pytest

from chat.conversation import edits
from chat.conversation.messages import Exchange
from chat.conversation.reply_requests import Reply
from chat.conversation.sessions import Seen
from chat.runs import retries, runs
from chat.scope import Scope
from db.models import MessageStatus, RunStatus
from sync.events import SessionChanged
from tests.organising.conftest import heard, windows
from tests.sync.client import watching
from tests.sync.talk import ask, begin

type Again = Callable[[Scope, Exchange], Awaitable[tuple[Seen, Reply]]]


async def edited(scope: Scope, first: Exchange) -> tuple[Seen, Reply]:
    sent = await edits.edit(scope, first.message.id, "Hello")
    assert isinstance(sent, Exchange)
    return sent.seen, Reply(sent.reply, sent.run)


async def replied(scope: Scope, first: Exchange) -> tuple[Seen, Reply]:
    return await retries.answer(scope, first.message.id)


async def retried(scope: Scope, first: Exchange) -> tuple[Seen, Reply]:
    return await retries.retry(scope, first.run.id)


async def resumed(scope: Scope, first: Exchange) -> tuple[Seen, Reply]:
    return await retries.resume(scope, first.run.id)


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (edited, ["Hi", "", "Hello", ""]),
        (replied, ["Hi", "", ""]),
        (retried, ["Hi", "", ""]),
        (resumed, ["Hi", ""]),
    ],
)
async def test_every_window_sees_what_is_asked_again(
    patient: Scope, elsewhere: Scope, again: Again, said: list[str]
) -> None:
    session_id = await begin(patient)
    first = await ask(patient, session_id)
    await runs.cancel(patient, first.run.id)
    async with (
        watching(patient, session_id) as near,
        watching(elsewhere, session_id) as far,
        windows(patient, elsewhere) as sidebars,
    ):
        seen, reply = await again(patient, first)
        for client in (near, far):
            await client.run_is(reply.run.id, RunStatus.QUEUED)
            assert client.shown[reply.message.id].status is MessageStatus.PENDING
            assert [each.text for each in client.shown.values()] == said
        for sidebar in sidebars:
            row = (await heard(sidebar, SessionChanged)).row
            assert (row.head, row.current_branch) == (seen[0].head, reply.message.branch)
