"""A stream that cannot go on says so, and why."""

from uuid import uuid4

import pytest

from chat.conversation import sessions
from chat.refusals import InvalidInput, NotFound
from chat.scope import Scope
from llm.scripted import ScriptedModel
from sync.cursors import Cursor, ScopeKind
from sync.events import MessageChanged, ResetReason
from sync.subscriber import FAR
from tests.conftest import Server, viewer_of
from tests.sync.buses import Lossy, process_on
from tests.sync.client import watching
from tests.sync.talk import PATIENT, ask, at, begin, execute, head


async def test_a_cursor_of_another_scope_is_no_cursor_of_this_one(scope: Scope) -> None:
    session_id, other = await begin(scope), await begin(scope)
    account = str(Cursor(ScopeKind.ACCOUNT, scope.viewer.id, 1, 0))
    for cursor in (await head(scope, other), account):
        async with watching(scope, session_id, cursor) as client:
            assert client.reset is ResetReason.BAD_CURSOR
            assert len(client.told) == 1


async def test_text_that_is_no_cursor_is_refused(scope: Scope) -> None:
    session_id = await begin(scope)
    for text in ("", "x", "ä", "A" * 200):
        with pytest.raises(InvalidInput):
            async with watching(scope, session_id, text):
                pass


async def test_a_cursor_of_an_earlier_epoch_is_reset(scope: Scope) -> None:
    session_id = await begin(scope)
    cursor = await head(scope, session_id)
    await execute(scope, "UPDATE sessions SET epoch = epoch + 1 WHERE id = :id", id=session_id)
    async with watching(scope, session_id, cursor) as client:
        assert client.reset is ResetReason.EPOCH
    async with watching(scope, session_id, await head(scope, session_id)) as client:
        assert client.reset is None


async def test_a_cursor_from_the_future_is_reset(scope: Scope) -> None:
    """As after a restore from a backup."""
    session_id = await begin(scope)
    await ask(scope, session_id)
    cursor = await head(scope, session_id)
    await execute(scope, "UPDATE sessions SET head = 1 WHERE id = :id", id=session_id)
    async with watching(scope, session_id, cursor) as client:
        assert client.reset is ResetReason.EPOCH


@pytest.mark.parametrize("change", ["epoch = epoch + 1", "epoch = epoch + 1, head = head + 1", "head = head - 1"])
async def test_a_live_window_hears_that_history_was_rewritten(scope: Scope, change: str) -> None:
    session_id = await begin(scope)
    await execute(scope, "UPDATE sessions SET head = 10 WHERE id = :id", id=session_id)
    async with watching(scope, session_id) as client:
        await execute(scope, f"UPDATE sessions SET {change} WHERE id = :id", id=session_id)
        await client.until(lambda client: client.reset is ResetReason.EPOCH)
    async with watching(scope, session_id) as client:
        assert client.reset is None


async def test_a_cursor_from_too_long_ago_is_reset(scope: Scope) -> None:
    session_id = await begin(scope)
    cursor = await head(scope, session_id)
    await execute(scope, "UPDATE sessions SET head = head + :far WHERE id = :id", id=session_id, far=FAR)
    async with watching(scope, session_id, cursor) as client:
        assert client.reset is None
    await execute(scope, "UPDATE sessions SET head = head + 1 WHERE id = :id", id=session_id)
    async with watching(scope, session_id, cursor) as client:
        assert client.reset is ResetReason.TOO_FAR


async def test_all_windows_of_a_deleted_session_end(server: Server, scope: Scope) -> None:
    session_id = await begin(scope)
    async with (
        server.process() as other,
        watching(scope, session_id) as near,
        watching(at(scope, other), session_id) as far,
    ):
        await sessions.delete(scope, session_id)
        for client in (near, far):
            await client.until(lambda client: client.reset is ResetReason.ACCESS_CHANGED)
    with pytest.raises(NotFound):
        async with watching(scope, session_id):
            pass


async def test_who_is_no_member_any_more_hears_no_more_and_the_others_go_on(
    scope: Scope, stranger: Scope, model: ScriptedModel
) -> None:
    session_id = await begin(scope)
    await execute(
        scope,
        "INSERT INTO memberships (session_id, user_id, role) VALUES (:session, :user, 'reader')",
        session=session_id,
        user=stranger.viewer.id,
    )
    async with watching(scope, session_id) as member, watching(stranger, session_id) as guest:
        sent = await ask(scope, session_id)
        await model.say("One ")
        await guest.reads(sent.reply.id, "One ")
        await execute(scope, "DELETE FROM memberships WHERE user_id = :user", user=stranger.viewer.id)
        await guest.until(lambda client: client.reset is ResetReason.ACCESS_CHANGED)
        await model.say("two", end=True)
        await member.over(sent.run.id)
        assert member.reset is None
        assert guest.shown[sent.reply.id].text == "One "
    with pytest.raises(NotFound):
        async with watching(stranger, session_id):
            pass


async def test_nothing_comes_after_a_reset_however_slowly_it_is_read(server: Server, model: ScriptedModel) -> None:
    async with process_on(server, Lossy(), PATIENT) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        async with watching(scope, session_id) as client:
            for feed in started.process.feeds._readers:
                feed.end(ResetReason.ACCESS_CHANGED)
            sent = await ask(scope, session_id)
            await client.until(lambda client: client.reset is ResetReason.ACCESS_CHANGED)
            assert not [event for event in client.told if isinstance(event, MessageChanged)]
            assert sent.message.id not in client.shown


async def test_a_stranger_sees_no_session(scope: Scope, stranger: Scope) -> None:
    session_id = await begin(scope)
    for missing in (session_id, uuid4()):
        with pytest.raises(NotFound):
            async with watching(stranger, missing):
                pass
