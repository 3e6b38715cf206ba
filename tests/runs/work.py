"""Runs in the hands of a test."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import orjson
import sqlalchemy as sa

from chat.conversation.messages import Exchange
from chat.process import Process
from chat.runs import runs
from chat.scope import Scope
from db.models import Run
from sync import channels, parts
from sync.channels import Frame
from sync.cursors import ScopeKind
from sync.journal import Pen
from tests.sync.talk import ask, begin


async def taken(scope: Scope) -> tuple[Exchange, Run]:
    """A run in a session of its own that the scope's process has claimed, and does nothing for."""
    sent = await ask(scope, await begin(scope))
    run = await runs.claim(scope.process)
    assert run is not None
    assert run.id == sent.run.id
    return sent, run


def pen_of(process: Process, run: Run) -> Pen:
    """The pen that belongs to whoever claimed the run."""
    assert run.producer is not None
    return process.journal.pen(
        run_id=run.id, session_id=run.session_id, message_id=run.message_id, epoch=run.epoch, producer=run.producer
    )


@dataclass
class Writer:
    """Writes text with a pen, as a reply does."""

    pen: Pen
    length: int = 0

    async def write(self, text: str) -> None:
        """Opens the part, or appends to it."""
        if self.length == 0:
            await self.pen.write(("p", 0, parts.text(text)))
        else:
            await self.pen.write(("a", 0, self.length, text))
        self.length += parts.length(text)


@dataclass
class Ear:
    """Hears the frames of a session."""

    frames: list[Frame] = field(default_factory=list)

    def on_message(self, payload: bytes) -> None:
        """Notes a frame."""
        if isinstance(told := channels.read(payload), Frame):
            self.frames.append(told)

    def on_loss(self) -> None:
        """Nothing is lost in these tests."""
        raise AssertionError

    @property
    def content(self) -> str:
        """The text that was published."""
        whole: list[dict[str, object]] = []
        for frame in self.frames:
            parts.fold(whole, frame.events)
        return parts.content(whole)


async def hear(process: Process, session_id: UUID) -> Ear:
    """Listens to a session to the end of the process."""
    ear = Ear()
    await process.bus.listen(channels.channel(ScopeKind.SESSION, session_id), ear)
    return ear


async def stored(scope: Scope, run_id: UUID) -> list[tuple[int, int, list[object]]]:
    """What the journal holds of a run: first number, count and events of each row."""
    async with scope.process.db.system() as tx:
        rows = await tx.execute(
            sa.text("SELECT seq, count, events FROM deltas WHERE run_id = :run ORDER BY epoch, seq"), {"run": run_id}
        )
        return [(seq, count, orjson.loads(events)) for seq, count, events in rows]


async def turns(count: int) -> None:
    """Lets the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)
