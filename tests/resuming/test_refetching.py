"""A reset leaves no client behind: who fetches anew and subscribes again is exactly right, and is not reset again."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from chat.conversation.messages import Exchange
from chat.scope import Scope
from llm.scripted import ScriptedModel
from sync.cursors import Cursor, ScopeKind
from sync.events import ResetReason
from sync.subscriber import FAR
from tests.sync.client import Client, agree, fetched, watching
from tests.sync.talk import ask, begin, execute, head, journaled


async def _another(scope: Scope, session_id: UUID) -> str:
    return str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, 0))


async def _rewritten(scope: Scope, session_id: UUID) -> str:
    cursor = await head(scope, session_id)
    await execute(scope, "UPDATE sessions SET epoch = epoch + 1 WHERE id = :id", id=session_id)
    return cursor


async def _restored(scope: Scope, session_id: UUID) -> str:
    cursor = Cursor.parse(await head(scope, session_id))
    return str(Cursor(cursor.kind, cursor.id, cursor.epoch, cursor.seq + 1))


async def _long_ago(scope: Scope, session_id: UUID) -> str:
    cursor = await head(scope, session_id)
    await execute(scope, "UPDATE sessions SET head = head + :far WHERE id = :id", id=session_id, far=FAR + 1)
    return cursor


type Stale = Callable[[Scope, UUID], Awaitable[str]]
REASONS: dict[str, tuple[Stale, ResetReason]] = {
    "a cursor of another scope": (_another, ResetReason.BAD_CURSOR),
    "a rewritten history": (_rewritten, ResetReason.EPOCH),
    "a restored backup": (_restored, ResetReason.EPOCH),
    "a cursor from long ago": (_long_ago, ResetReason.TOO_FAR),
}


async def refetched(scope: Scope, session_id: UUID) -> Client:
    """A client that has thrown away what it knew."""
    cursor = await head(scope, session_id)
    return Client(shown=await fetched(scope, session_id), cursor=cursor)


async def beats(scope: Scope) -> None:
    """Returns when every feed has been compared with the database once more."""
    session_id = await begin(scope)
    async with watching(scope, session_id) as client:
        await execute(scope, "UPDATE sessions SET epoch = epoch + 1 WHERE id = :id", id=session_id)
        await client.until(lambda client: client.reset)


@pytest.mark.parametrize("why", REASONS)
async def test_who_is_reset_and_fetches_anew_goes_on_in_the_middle_of_a_reply(
    scope: Scope, model: ScriptedModel, why: str
) -> None:
    stale, reason = REASONS[why]
    session_id = await begin(scope)
    sent = await begun(scope, session_id, model)
    cursor = await stale(scope, session_id)
    async with watching(scope, session_id, cursor) as client:
        assert client.reset is reason
        assert len(client.told) == 1
    await goes_on(scope, session_id, model, sent.reply.id, sent.run.id)


async def test_who_was_live_when_history_was_rewritten_goes_on(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    sent = await begun(scope, session_id, model)
    async with watching(scope, session_id) as client:
        await execute(scope, "UPDATE sessions SET epoch = epoch + 1 WHERE id = :id", id=session_id)
        await client.until(lambda client: client.reset)
        assert client.reset is ResetReason.EPOCH
        await goes_on(scope, session_id, model, sent.reply.id, sent.run.id)


async def test_who_had_lost_access_and_got_it_back_goes_on(scope: Scope, stranger: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    who = {"session": session_id, "user": stranger.viewer.id}
    join = "INSERT INTO memberships (session_id, user_id, role) VALUES (:session, :user, 'writer')"
    await execute(scope, join, **who)
    sent = await begun(scope, session_id, model)
    async with watching(stranger, session_id) as client:
        await execute(scope, "DELETE FROM memberships WHERE session_id = :session AND user_id = :user", **who)
        await client.until(lambda client: client.reset)
        assert client.reset is ResetReason.ACCESS_CHANGED
    await execute(scope, join, **who)
    await goes_on(stranger, session_id, model, sent.reply.id, sent.run.id)


async def begun(scope: Scope, session_id: UUID, model: ScriptedModel) -> Exchange:
    """A reply that says `One ` so far."""
    sent = await ask(scope, session_id)
    await model.say("One ")
    await journaled(scope, 1)
    return sent


async def goes_on(scope: Scope, session_id: UUID, model: ScriptedModel, reply_id: UUID, run_id: UUID) -> None:
    """Asserts that who fetches anew is told the rest, and is not reset again."""
    client = await refetched(scope, session_id)
    assert client.shown[reply_id].text == "One "
    async with watching(scope, session_id, client.cursor, client=client):
        await model.say("two")
        await client.reads(reply_id, "One two")
        await beats(scope)
        await model.finish()
        await client.over(run_id)
        again = await ask(scope, session_id)
        await model.say("Yes.", end=True)
        await client.over(again.run.id)
        assert client.reset is None
        assert client.caught_up == 1
        await agree(scope, session_id, client)
    async with watching(scope, session_id, client.cursor) as nothing:
        assert (nothing.reset, len(nothing.told)) == (None, 2)
