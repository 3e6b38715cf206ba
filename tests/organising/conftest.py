"""A process that stores and serves, and leaves the replies unwritten; and windows that wait for something."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import pytest

from chat import following
from chat.events import AccountEvent, SessionChanged
from chat.life import Life
from chat.scope import Scope
from chat.sync.window import Window
from db.models import Membership
from tests.conftest import Server, viewer_of
from tests.sync.talk import PATIENT

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


@asynccontextmanager
async def windows(*scopes: Scope) -> AsyncIterator[list[Window[AccountEvent]]]:
    """A window on each viewer's account, that is caught up."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(following.account(scope, None)) for scope in scopes]
        for window in opened:
            await anext(window)
        yield opened


async def shows(window: Window[AccountEvent], session_id: UUID, wanted: Callable[[Membership], bool]) -> None:
    """Returns when a window has been told that it is so with a session of its viewer."""
    async with asyncio.timeout(PATIENCE):
        async for event in window:
            if isinstance(event, SessionChanged) and event.row.id == session_id and wanted(event.membership):
                return
    raise AssertionError("The window has ended.")
