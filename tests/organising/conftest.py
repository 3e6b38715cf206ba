"""A process that stores and serves, and leaves the replies unwritten; and windows that wait for something."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from chat.runtime import Life
from chat.scope import Scope
from chat.subscriptions import streams
from db.models import Membership
from sync.events import AccountEvent, SessionChanged, Told
from sync.subscriber import Window
from tests.conftest import Server, viewer_of
from tests.sync.talk import PATIENT, at

PATIENCE = 20.0
"""Seconds after which something that should happen has failed to."""


@pytest.fixture
async def alive(server: Server) -> AsyncIterator[Life]:
    """See above."""
    async with server.process(produces=False) as started:
        yield started


@pytest.fixture
async def patient(server: Server) -> AsyncIterator[Scope]:
    """A viewer whose windows hear what rings, and do not look by themselves."""
    async with server.process(produces=False, timing=PATIENT) as started:
        yield await viewer_of(started)


@pytest.fixture
async def elsewhere(server: Server, patient: Scope) -> AsyncIterator[Scope]:
    """The same viewer, at another process of that kind."""
    async with server.process(produces=False, timing=PATIENT) as started:
        yield at(patient, started)


@asynccontextmanager
async def windows(*scopes: Scope) -> AsyncIterator[list[Window[AccountEvent]]]:
    """A window on each viewer's account, that is caught up."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(streams.account(scope, None)) for scope in scopes]
        for window in opened:
            await anext(window)
        yield opened


async def heard[E: Told](window: Window[Any], kind: type[E], wanted: Callable[[E], object] = lambda _: True) -> E:
    """The next event of this kind that a window is told, and that is as wanted."""
    async with asyncio.timeout(PATIENCE):
        async for event in window:
            if isinstance(event, kind) and wanted(event):
                return event
    raise AssertionError("The window has ended.")


async def shows(window: Window[AccountEvent], session_id: UUID, wanted: Callable[[Membership], bool]) -> None:
    """Returns when a window has been told that it is so with a session of its viewer."""
    await heard(window, SessionChanged, lambda told: told.row.id == session_id and wanted(told.membership))
