"""What was written last is seen, whoever writes it and in whatever way; a choice stays with those who do not write."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from chat.conversation import branches, edits, messages
from chat.conversation.messages import Exchange
from chat.conversation.reply_requests import WhenBusy
from chat.conversation.sessions import NewSession
from chat.runs import producers, retries, runs
from chat.runtime import Life
from chat.scope import Scope
from db.models import MemberRole
from tests.branching.test_deleted_branches import leaf, view
from tests.chat.conftest import answer, join
from tests.conftest import viewer_of
from tests.producing.test_producing import COMPLETED
from tests.repeating.asking import ask

type Write = Callable[[Scope, Exchange], Awaitable[UUID]]
"""Writes something that does not follow the newest answer; returns what is the end of its path."""


async def said(scope: Scope, first: Exchange) -> UUID:
    return (await messages.post(scope, first.message.session_id, "More", parent_id=first.message.id)).message.id


async def asked(scope: Scope, first: Exchange) -> UUID:
    return (await messages.send(scope, first.message.session_id, "More", parent_id=first.message.id)).reply.id


async def edited(scope: Scope, first: Exchange) -> UUID:
    sent = await edits.edit(scope, first.message.id, "Otherwise")
    assert isinstance(sent, Exchange)
    return sent.reply.id


async def replied(scope: Scope, first: Exchange) -> UUID:
    return (await retries.answer(scope, first.message.id))[1].message.id


async def retried(scope: Scope, first: Exchange) -> UUID:
    return (await retries.retry(scope, first.run.id))[1].message.id


async def resumed(scope: Scope, first: Exchange) -> UUID:
    return (await retries.resume(scope, first.run.id))[1].message.id


async def started(scope: Scope, first: Exchange) -> UUID:
    held = await producers.start(scope, first.message.id)
    await producers.finish(scope, held.run.id, 1, 0, COMPLETED)
    return held.message.id


async def started_beside(scope: Scope, first: Exchange) -> UUID:
    await producers.start(scope, first.message.id)
    return (await producers.start(scope, first.message.id, when_busy=WhenBusy.PARALLEL)).message.id


async def queued(scope: Scope, first: Exchange) -> UUID:
    await producers.start(scope, first.message.id)
    return (await producers.start(scope, first.message.id, when_busy=WhenBusy.QUEUE)).message.id


async def in_a_batch(scope: Scope, first: Exchange) -> UUID:
    message_id = uuid4()
    said = f'id: "{message_id}", sessionId: "{first.message.session_id}", parentId: "{first.message.id}", text: "More"'
    entry = f'{{clientMutationId: "{uuid4()}", do: {{sendMessage: {{{said}, reply: false}}}}}}'
    await ask(scope, f"mutation {{ applyBatch(operations: [{entry}]) {{ __typename }} }}")
    return message_id


WRITES: list[Write] = [
    said, asked, edited, replied, retried, resumed, started, started_beside, queued, in_a_batch
]  # fmt: skip


async def answered_twice(scope: Scope) -> tuple[Exchange, UUID]:
    """A question whose first answer was stopped, and the second one, which is whole."""
    first = await messages.send(scope, NewSession(title="Talk"), "Well?")
    await runs.cancel(scope, first.run.id)
    _, second = await retries.retry(scope, first.run.id)
    await answer(scope, second.run, "B")
    return first, second.message.id


@pytest.mark.parametrize("write", WRITES)
async def test_what_was_written_last_is_seen(scope: Scope, stranger: Scope, alive: Life, write: Write) -> None:
    """By the writer though they have chosen another branch, and by whoever has chosen none."""
    first, second = await answered_twice(scope)
    session_id = first.message.session_id
    reader, chooser = stranger, await viewer_of(alive, str(uuid4()))
    await join(reader, session_id, MemberRole.READER)
    await join(chooser, session_id, MemberRole.WRITER)
    for each in (scope, chooser):
        await branches.choose(each, session_id, second)
    end = await write(scope, first)
    assert (await view(scope, session_id))[-1] == end == await leaf(scope, session_id)
    assert (await view(reader, session_id))[-1] == end == await leaf(reader, session_id)
    assert (await view(chooser, session_id))[-1] == second, "Who chose a branch keeps it while others write."
    await branches.choose(scope, session_id, None)
    assert (await view(scope, session_id))[-1] == end


async def test_what_is_said_next_follows_the_second_answer_of_an_app(scope: Scope) -> None:
    asked = (await messages.post(scope, NewSession(), "Well?")).message
    ends = []
    for _ in range(2):
        held = await producers.start(scope, asked.id)
        await producers.finish(scope, held.run.id, 1, 0, COMPLETED)
        ends.append(held.message.id)
    assert await view(scope, asked.session_id) == [asked.id, ends[1]]
    added = (await messages.post(scope, asked.session_id, "And then?")).message
    assert added.parent_id == ends[1]


async def test_a_reply_that_ends_later_is_not_written_later(scope: Scope) -> None:
    asked = (await messages.post(scope, NewSession(), "Well?")).message
    slow = await producers.start(scope, asked.id)
    fast = await producers.start(scope, asked.id, when_busy=WhenBusy.PARALLEL)
    await producers.finish(scope, fast.run.id, 1, 0, COMPLETED)
    await producers.finish(scope, slow.run.id, 1, 0, COMPLETED)
    assert await view(scope, asked.session_id) == [asked.id, fast.message.id]


async def test_a_reply_that_is_taken_over_is_seen_but_where_another_branch_is_chosen(scope: Scope) -> None:
    asked = (await messages.post(scope, NewSession(), "Well?")).message
    lost = await producers.start(scope, asked.id)
    other = await producers.start(scope, asked.id, when_busy=WhenBusy.PARALLEL)
    await branches.choose(scope, asked.session_id, other.message.id)
    await producers.take_over(scope, lost.run.id)
    assert await view(scope, asked.session_id) == [asked.id, other.message.id]
    await branches.choose(scope, asked.session_id, None)
    assert await view(scope, asked.session_id) == [asked.id, lost.message.id]


async def test_who_sees_a_path_through_a_reply_that_goes_on_stays_on_it(scope: Scope) -> None:
    first = await messages.send(scope, NewSession(title="Talk"), "Well?")
    await runs.cancel(scope, first.run.id)
    session_id = first.message.session_id
    older = await messages.post(scope, session_id, "Older", parent_id=first.reply.id)
    newer = await messages.post(scope, session_id, "Newer", parent_id=first.reply.id)
    await branches.choose(scope, session_id, older.message.id)
    await retries.resume(scope, first.run.id)
    assert await view(scope, session_id) == [first.message.id, first.reply.id, older.message.id]
    await branches.choose(scope, session_id, None)
    assert await view(scope, session_id) == [first.message.id, first.reply.id, newer.message.id]
