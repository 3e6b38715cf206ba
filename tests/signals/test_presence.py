"""Who has a session open and who is typing in it: told across processes, stored nowhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import UUID

import pytest

from chat.conversation import sessions
from chat.conversation.sessions import NewSession
from chat.refusals import NotFound
from chat.scope import Scope, Viewer
from chat.subscriptions import streams
from sync.events import BranchChanged, CaughtUp, PresenceChanged, SessionEvent
from tests.conftest import Server, viewer_of


def called(scope: Scope, client: str) -> Scope:
    return replace(scope, viewer=Viewer(scope.viewer.id, client))


async def until(window: AsyncIterator[SessionEvent], *expected: tuple[str | None, bool]) -> None:
    """Returns when the window was told that just these are there: the client, and whether it is typing."""
    async with asyncio.timeout(20):
        async for event in window:
            if isinstance(event, PresenceChanged):
                there = sorted((present.client or "", present.typing) for present in event.present)
                if there == sorted((client or "", typing) for client, typing in expected):
                    assert event.count == len(expected)
                    return


async def opened(stack: AsyncExitStack, scope: Scope, session_id: UUID) -> AsyncIterator[SessionEvent]:
    return await stack.enter_async_context(streams.session(scope, session_id, None, present=True))


async def test_windows_on_two_processes_see_each_other_come_and_go(server: Server) -> None:
    async with server.process() as here, server.process() as there, AsyncExitStack() as stack:
        one, other = await viewer_of(here, "ann"), await viewer_of(there, "ann")
        session, _ = await sessions.create(one, NewSession())
        laptop = await opened(stack, called(one, "laptop"), session.id)
        await until(laptop, ("laptop", False))
        async with AsyncExitStack() as inner:
            phone = await opened(inner, called(other, "phone"), session.id)
            await until(phone, ("laptop", False), ("phone", False))
            await until(laptop, ("laptop", False), ("phone", False))
        await until(laptop, ("laptop", False))


async def test_typing_is_seen_until_it_stops(server: Server) -> None:
    async with server.process() as here, server.process() as there, AsyncExitStack() as stack:
        one, other = called(await viewer_of(here, "ann"), "laptop"), called(await viewer_of(there, "ann"), "phone")
        session, _ = await sessions.create(one, NewSession())
        window = await opened(stack, one, session.id)
        await opened(stack, other, session.id)
        await streams.typing(other, session.id, now=True)
        await until(window, ("laptop", False), ("phone", True))
        await streams.typing(other, session.id, now=False)
        await until(window, ("laptop", False), ("phone", False))


async def test_typing_fades_by_itself(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.presence.TYPING_SECONDS", 0.5)
    session, _ = await sessions.create(scope, NewSession())
    async with streams.session(called(scope, "laptop"), session.id, None, present=True) as window:
        await streams.typing(called(scope, "laptop"), session.id, now=True)
        await until(window, ("laptop", True))
        await until(window, ("laptop", False))


async def test_windows_of_a_killed_process_fade(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.presence.HERE_SECONDS", 1.0)
    async with server.process() as here, AsyncExitStack() as stack:
        scope = await viewer_of(here, "ann")
        session, _ = await sessions.create(scope, NewSession())
        window = await opened(stack, called(scope, "laptop"), session.id)
        async with AsyncExitStack() as lost, server.process() as there:
            other = called(await viewer_of(there, "ann"), "phone")
            await opened(lost, other, session.id)
            await until(window, ("laptop", False), ("phone", False))
            monkeypatch.setattr("sync.channels.gone", lambda _: b's{"kind":"who"}')  # it cannot say farewell
        await until(window, ("laptop", False))


async def test_who_does_not_want_to_know_is_neither_told_nor_seen(scope: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    async with (
        streams.session(called(scope, "silent"), session.id, None) as silent,
        streams.session(called(scope, "laptop"), session.id, None, present=True) as window,
    ):
        await until(window, ("laptop", False))
        assert [type(await anext(silent)) for _ in range(2)] == [BranchChanged, CaughtUp]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(silent)


async def test_a_stranger_neither_sees_nor_signals(scope: Scope, stranger: Scope) -> None:
    session, _ = await sessions.create(scope, NewSession())
    with pytest.raises(NotFound):
        await streams.typing(stranger, session.id, now=True)
    with pytest.raises(NotFound):
        async with streams.session(stranger, session.id, None, present=True):
            pass
