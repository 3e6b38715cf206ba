"""What badges say is told to the windows that ask for it, and in the end it is what a query finds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from chat.conversation import memberships, messages, sessions
from chat.conversation.member_fields import Folder, Personal
from chat.conversation.sessions import NewSession
from chat.library import folders
from chat.removal import trash
from chat.scope import Scope
from chat.subscriptions import streams
from db.tallies import Tallies, Tally
from llm.scripted import ScriptedModel
from sync import badges
from sync.events import CaughtUp, CountsChanged, SessionChanged
from tests.conftest import Server, viewer_of
from tests.sync.buses import Lossy, process_on
from tests.sync.client import PATIENCE
from tests.sync.talk import PATIENT, at, execute
from tests.sync.test_losses import UNHURRIED

NOTHING = {"total": 0, "unread": 0, "running": 0, "pinned": 0, "starred": 0, "archived": 0}


@dataclass
class Badge:
    """A window that keeps what it was told of badges."""

    told: list[Tallies] = field(default_factory=list)
    sessions: int = 0
    live: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: object) -> None:
        """Applies one event."""
        match event:
            case CountsChanged(counts):
                assert self.live, "Badges come after the window has caught up."
                assert [counts] != self.told[-1:], "The same was told twice."
                self.told.append(counts)
            case SessionChanged():
                self.sessions += 1
            case CaughtUp():
                self.live = True
        self._news.set()

    async def says(self, **wanted: object) -> None:
        """Returns when the badges say this."""
        async with asyncio.timeout(PATIENCE):
            while not self.told or {name: getattr(self.told[-1], name) for name in wanted} != wanted:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def watched(scope: Scope, *, counts: bool = True) -> AsyncIterator[Badge]:
    """A sidebar."""
    badge = Badge()
    async with streams.account(scope, None, counts=counts) as told:

        async def follow() -> None:
            async for event in told:
                badge.take(event)

        task = asyncio.create_task(follow())
        try:
            yield badge
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def begin(scope: Scope) -> UUID:
    return (await sessions.create(scope, NewSession(title="Talk")))[0].id


async def test_whatever_badges_count_is_told(scope: Scope, stranger: Scope, model: ScriptedModel) -> None:
    async with watched(scope) as badge, watched(stranger) as other:
        await badge.says(active=NOTHING, archived=NOTHING, trash=0, folders={}, projects={}, agents={}, tags={})
        first, second = await begin(scope), await begin(scope)
        await badge.says(active=NOTHING | {"total": 2})
        folder = await folders.create(scope, "Travel")
        await sessions.edit(scope, first, personal=Personal(folder=Folder(folder.id), tags=["italy"], pinned=True))
        await badge.says(
            active=NOTHING | {"total": 2, "pinned": 1}, folders={folder.id: Tally(1, 0)}, tags={"italy": Tally(1, 0)}
        )
        await messages.send(scope, first, "Where to?")
        await badge.says(active=NOTHING | {"total": 2, "pinned": 1, "running": 1})
        await model.say("Rome.", end=True)
        await badge.says(
            active=NOTHING | {"total": 2, "pinned": 1, "unread": 1},
            folders={folder.id: Tally(1, 1)},
            tags={"italy": Tally(1, 1)},
        )
        await memberships.mark_read(scope, first)
        await badge.says(folders={folder.id: Tally(1, 0)})
        await sessions.edit(scope, first, personal=Personal(archived=True))
        archived = NOTHING | {"total": 1, "pinned": 1, "archived": 1}
        await badge.says(active=NOTHING | {"total": 1}, archived=archived, folders={}, tags={})
        await sessions.delete(scope, second)
        await badge.says(active=NOTHING, archived=archived, trash=1)
        await trash.purge(scope, second)
        await badge.says(active=NOTHING, archived=archived, trash=0)
        await other.says(active=NOTHING)
        assert len(other.told) == 1


async def test_tags_are_told_in_the_order_of_the_alphabet(scope: Scope) -> None:
    names = ["Äpfel", "apple", "élan", "Öl", "Orange", "Zebra"]
    given = Counter[str]()
    async with watched(scope) as badge:
        for tags in (names[::-1], names[3:], names[:2]):
            await sessions.edit(scope, await begin(scope), personal=Personal(tags=tags))
            given.update(tags)
            await badge.says(tags={name: Tally(count, 0) for name, count in given.items()})
            assert list(badge.told[-1].tags) == names


async def test_all_windows_are_told_on_all_processes_and_only_those_that_ask(server: Server, scope: Scope) -> None:
    async with server.process(timing=PATIENT) as started:
        there = at(scope, started)
        async with watched(scope) as here, watched(there) as elsewhere, watched(there, counts=False) as other:
            await begin(scope)
            for badge in (here, elsewhere):
                await badge.says(active=NOTHING | {"total": 1})
            async with watched(there) as late:
                await late.says(active=NOTHING | {"total": 1})
            assert (other.told, other.sessions) == ([], 1)


async def test_many_changes_are_counted_together(scope: Scope) -> None:
    async with watched(scope) as badge:
        await badge.says(active=NOTHING)
        for _ in range(10):
            await begin(scope)
        await badge.says(active=NOTHING | {"total": 10})
        assert badge.sessions == 10
        assert len(badge.told) < 10


async def test_badges_are_right_though_every_doorbell_is_lost(server: Server) -> None:
    bus = Lossy()
    bus.loses = lambda *_: True
    async with process_on(server, bus, UNHURRIED) as started:
        scope = await viewer_of(started)
        async with watched(scope) as badge:
            await badge.says(active=NOTHING)
            await begin(scope)
            await badge.says(active=NOTHING | {"total": 1})


async def test_what_the_trash_forgets_by_its_age_is_counted_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(badges, "AGE", 0.0)
    async with server.process(timing=UNHURRIED) as started:
        scope = await viewer_of(started)
        session_id = await begin(scope)
        await sessions.delete(scope, session_id)
        async with watched(scope) as badge:
            await badge.says(trash=1)
            old = "UPDATE sessions SET deleted_at = deleted_at - interval '31 days' WHERE id = :id"
            await execute(scope, old, id=session_id)
            await badge.says(trash=0)
