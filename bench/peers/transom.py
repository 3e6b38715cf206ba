"""Transom itself, told on its standard input what to publish, as its peers are (see `control`).

    python -m bench.peers.transom whole      the whole path: model, journal, bus, windows
    python -m bench.peers.transom provided   the same, with the model behind HTTP
    python -m bench.peers.transom windows    windows alone; another process produces
    python -m bench.peers.transom delivery   the delivery layer alone: frames go straight into the feeds of the process

It is the application that `transom serve` serves, with the same settings of uvicorn. Only the model is another: its
tokens carry the moment when they were due. In `delivery` the bus is the hub of one process and nothing is journaled,
because the peers do no more than that either.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, override
from uuid import UUID

import orjson
from starlette.applications import Starlette

from bench.peers import control, rows
from bench.peers.listening import listen
from bench.peers.provided import Provided
from chat import runtime
from chat.conversation import messages
from chat.library import accounts
from chat.process import Process, Timing
from chat.removal import deletions
from chat.scope import Scope, Viewer
from db.database import Database
from llm.events import Event, Finished, TextDelta, Usage
from llm.models import Models
from llm.turns import Request
from pubsub.hub import Hub
from pubsub.redis import RedisBus
from server import logs, serving
from server.app import Transom
from server.authentication import LOCAL_SUBJECT
from server.settings import Settings
from sync import channels

SENDING = 16
"""Messages that are sent at once, to have them answered."""


class Clock:
    """A model that writes numbers at their moments, for any number of sessions at once."""

    def __init__(self) -> None:
        self.asked = 0
        self.over = 0
        self.sessions, self.rate, self.count = 1, 1.0, 0
        self.start: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.news = asyncio.Event()

    async def stream(self, _: Request) -> AsyncGenerator[Event]:
        """Number 0 at once, which opens the part; the others when they are due."""
        place, self.asked = self.asked, self.asked + 1
        self.news.set()
        yield TextDelta(control.text(0, 0))
        gap = 1e6 / self.rate
        due = await self.start + gap * place / self.sessions
        for number in range(1, self.count + 1):
            await control.until(due)
            yield TextDelta(control.text(number, round(due)))
            due += gap
        self.over += 1
        self.news.set()
        yield Finished(Usage(0, self.count))

    async def until_asked(self, times: int) -> None:
        """Waits until so many sessions wait for their first number."""
        while self.asked < times:
            self.news.clear()
            await self.news.wait()

    async def until_over(self, times: int) -> None:
        """Waits until so many replies have been written."""
        while self.over < times:
            self.news.clear()
            await self.news.wait()


@dataclass
class Stage:
    """The sessions of this server, and how to publish to them."""

    process: Process
    viewer: Viewer
    bus: Hub | RedisBus
    kind: str
    clock: Clock
    provided: Provided | None = None
    """The model's provider, where it is behind HTTP."""
    made: list[rows.Written] = field(default_factory=list)
    told: dict[UUID, int] = field(default_factory=dict)
    lines: dict[UUID, channels.Line] = field(default_factory=dict)

    async def prepare(self, sessions: int, history: int = 0) -> dict[str, Any]:
        """See `control`; each session begins with `history` messages."""
        missing = sessions - len(self.made)
        if missing > 0:
            async with self.process.db.system() as tx:
                self.made += await rows.plant(tx, self.viewer.id, missing, history, flying=self.kind == "delivery")
        return {"ids": [str(each.session_id) for each in self.made[:sessions]]}

    async def summon(self, sessions: int, rate: float, count: int) -> dict[str, Any]:
        """Has a model wait in each session for the moment to begin; what follows is `publish` with the same options."""
        if self.kind == "delivery":
            return {}
        if self.provided is not None:
            await self.provided.tell("expect", sessions=sessions, rate=rate, count=count)
        clock = self.clock
        clock.asked, clock.over, clock.sessions, clock.rate, clock.count = 0, 0, sessions, rate, count
        clock.start = asyncio.get_running_loop().create_future()
        room = asyncio.Semaphore(SENDING)
        scope = Scope(self.viewer, self.process)

        async def send(session_id: UUID) -> None:
            async with room:
                await messages.send(scope, session_id, "Count.")

        await asyncio.gather(*(send(each.session_id) for each in self.made[:sessions]))
        if self.provided is None:
            await clock.until_asked(sessions)
        else:
            await self.provided.tell("asked", times=sessions)
        return {}

    async def clear(self, sessions: int) -> dict[str, Any]:
        """Deletes all messages, so that the next model is told no more than the last one."""
        scope = Scope(self.viewer, self.process)
        for each in self.made[:sessions]:
            await deletions.clear(scope, each.session_id)
        return {}

    async def publish(self, sessions: int, rate: float, count: int) -> dict[str, Any]:
        """See `control`; on the whole path the models have been summoned."""
        if self.kind == "delivery":
            return {**await control.paced(sessions, rate, count, self.push)}
        clock, start = self.clock, control.now() + control.LEAD
        if self.provided is not None:
            await self.provided.tell("begin", start=start)
            return {"start": start, **await self.provided.tell("over", times=sessions)}
        clock.start.set_result(start)
        await clock.until_over(sessions)
        return {"start": start, "end": control.now()}

    def push(self, place: int, number: int, stamp: int) -> None:
        """Publishes a delta within the process, as if it had just been journaled."""
        written = self.made[place]
        seq = self.told[written.run_id] = self.told.get(written.run_id, 0) + 1
        line = self.lines.get(written.run_id)
        if line is None:
            line = self.lines[written.run_id] = channels.Line.of(written.session_id, written.run_id, written.message_id)
        channels.send(self.bus, line, 1, seq, orjson.dumps([["a", 0, 25 * number, control.text(number, stamp)]]))


class Staged(Transom):
    """The application, with a stage in it."""

    def __init__(self, settings: Settings, kind: str) -> None:
        self.kind = kind
        self.stage: asyncio.Future[Stage] = asyncio.get_running_loop().create_future()
        super().__init__(settings)

    @override
    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        settings, clock = self.settings, Clock()
        assert settings.database_url is not None
        assert settings.redis_url is not None
        timing = Timing(lease=settings.lease)
        async with Database(settings.database_url) as db, RedisBus(settings.redis_url) as redis:
            bus = Hub() if self.kind == "delivery" else redis
            provided = await Provided.started() if self.kind == "provided" else None
            models = Models({"clock": clock}) if provided is None else provided.models
            await models.warm()
            produces = self.kind in ("whole", "provided")
            async with runtime.running(db, bus, models, timing=timing, produces=produces) as started:
                self.shared.life = started
                user = await accounts.identify(started.process, LOCAL_SUBJECT)
                self.stage.set_result(Stage(started.process, Viewer(user.id), bus, self.kind, clock, provided))
                yield
            if provided is not None:
                await models.close()
                await provided.close()


async def main(kind: str) -> None:
    """Serves until the standard input ends."""
    settings = Settings(lease=3600)
    logs.set_up("warning")
    app = Staged(settings, kind)
    config = serving.config(settings)
    config.app, config.factory = app, False
    listening = listen()
    server = serving.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    stage = await app.stage
    control.say(port=listening.getsockname()[1])
    named: dict[str, control.Command] = {
        "prepare": stage.prepare,
        "summon": stage.summon,
        "publish": stage.publish,
        "clear": stage.clear,
    }
    await control.obey(named)
    server.should_exit = True
    await running


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
