"""On whose behalf, and with what, a rule works: the first argument of every rule."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chat.process import Process
from chat.refusals import InvalidInput, NotFound, Noun
from db import receipts
from db.failures import absent
from db.models import Receipt
from db.reader import Reader


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, from which client."""

    id: UUID
    client: str | None = None
    """What the client calls itself; comes back as `origin` on the events that it causes."""


@dataclass(frozen=True, slots=True)
class Once:
    """A mutation that must happen once, however often it arrives."""

    key: str
    """The `clientMutationId`."""
    digest: bytes
    """SHA-256 of what is asked for."""
    part: str = ""
    """Which of the transactions of the mutation, where it has several; each has a receipt of its own."""

    @property
    def receipt(self) -> str:
        """What the receipt is kept under."""
        return f"{self.key}\n{self.part}" if self.part else self.key


class Repeated(Exception):
    """The mutation has happened before. `made` has the ids of what it made or changed, by kind."""

    def __init__(self, made: Mapping[str, str]) -> None:
        super().__init__("This has been done before.")
        self.made = made


@dataclass(frozen=True, slots=True)
class Scope:
    """A viewer at a process. There is no reading without one."""

    viewer: Viewer
    process: Process
    once: Once | None = None

    def tx(self, *, snapshot: bool = False) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction in which PostgreSQL shows and changes only what is the viewer's."""
        return self.process.db.viewer(self.viewer.id, snapshot=snapshot)

    @property
    def reader(self) -> Reader:
        """What asks single statements, each of which shows only what is the viewer's."""
        return self.process.db.reader(self.viewer.id)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """The transaction of a mutation: as `tx`, but a mutation that has a key happens once.

        Raises:
            Repeated: it has happened before; nothing happens now.
            InvalidInput: another mutation had this key.
            NotFound: something is referred to that is not there, or not the viewer's to see.
        """
        key = None if self.once is None else self.once.key
        try:
            async with self.process.db.viewer(self.viewer.id, client=self.viewer.client, mutation=key) as tx:
                if self.once is not None:
                    _refuse(await receipts.open(tx, self.viewer.id, self.once.receipt, self.once.digest), self.once)
                yield tx
                if self.once is not None:
                    await receipts.close(tx, self.viewer.id, self.once.receipt, tx.info.get(_MADE, {}))
        except IntegrityError as error:
            if (noun := _NOUNS.get(absent(error))) is None:
                raise
            raise NotFound(noun) from error

    async def unless_done(self, tx: AsyncSession) -> None:
        """Passes if the mutation has not happened before: for one that does something long before it writes.

        Raises:
            Repeated, InvalidInput: as `write`, which has the last word.
        """
        if self.once is not None:
            _refuse(await receipts.find(tx, self.viewer.id, self.once.receipt), self.once)


_NOUNS: Mapping[str | None, Noun] = {
    "projects": "project",
    "sessions": "session",
    "messages": "message",
    "runs": "run",
    "agents": "agent",
    "folders": "folder",
    "templates": "template",
}


def _refuse(earlier: Receipt | None, once: Once) -> None:
    """Passes if there is no receipt of the key."""
    if earlier is None:
        return
    if earlier.digest == receipts.CANCELLED:
        raise InvalidInput("clientMutationId", "This was cancelled before it arrived.")
    if earlier.digest != once.digest:
        raise InvalidInput("clientMutationId", "This key was used for something else. Make a new one.")
    raise Repeated(earlier.made)


_MADE = "made"


def made(tx: AsyncSession, **ids: UUID | int) -> None:
    """Notes what the transaction of a mutation made or changed, or how much, for whoever repeats it."""
    tx.info.setdefault(_MADE, {}).update({kind: str(id) for kind, id in ids.items()})
