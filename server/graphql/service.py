"""What all transports share: who may ask, what runs, and what must end when the server goes away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from graphql import GraphQLError

from server.graphql.callers import Admit, Authenticate, Caller, Identity, MakeContext, Unauthenticated
from server.graphql.errors import Code, Refused, refusal, shown
from server.graphql.interruptions import Interruptible
from server.graphql.operations import Operations


class Ending(Enum):
    """Why a socket or stream ends before its client or its operation ends it."""

    DISCONNECTED = "The client left."
    EXPIRED = "The token expired."
    GOING_AWAY = "The server is going away."
    NO_INIT = "The client did not initialise the connection in time."


@dataclass(slots=True)
class Service[I: Identity]:
    """One served schema."""

    operations: Operations
    authenticate: Authenticate[I]
    make_context: MakeContext[I]
    admit: Admit
    max_request_bytes: int
    max_operations_per_socket: int
    connection_init_timeout: float
    ping_interval: float
    closing: bool = False
    open: set[Interruptible[Ending]] = field(default_factory=set)

    async def identify(self, credential: str | None) -> I:
        """The identity behind a credential.

        Raises:
            Refused: there is none, or a coded error was raised while finding out.
        """
        with self._refusing():
            return await self.authenticate(credential)

    async def context_of(self, caller: Caller[I]) -> object:
        """A fresh context for one operation.

        Raises:
            Refused: the caller is not accepted any more, or a coded error was raised.
        """
        with self._refusing():
            return await self.make_context(caller)

    def refuse_if_closing(self) -> None:
        """Take no new work once the server goes away.

        Raises:
            Refused: it does.
        """
        if self.closing:
            raise going_away()

    @contextmanager
    def kept(self, work: Interruptible[Ending]) -> Iterator[None]:
        """Count a socket or stream as open, so that `shutdown` ends it."""
        self.open.add(work)
        try:
            if self.closing:
                work.interrupt(Ending.GOING_AWAY)
            yield
        finally:
            self.open.discard(work)

    @contextmanager
    def expiring(self, work: Interruptible[Ending], identity: I) -> Iterator[None]:
        """End the work when the identity expires."""
        if identity.expires_at is None:
            yield
            return
        left = (identity.expires_at - datetime.now(UTC)).total_seconds()
        timer = asyncio.get_running_loop().call_later(max(left, 0), work.interrupt, Ending.EXPIRED)
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Unauthenticated as error:
            raise refusal(Code.UNAUTHENTICATED, error.reason) from error
        except GraphQLError as error:
            raise Refused(*shown([error])) from error
        except Exception as error:
            if (explained := self.operations.explain(error)) is None:
                raise
            raise refusal(explained.code, explained.text, **explained.extensions) from error

    async def shutdown(self, timeout: float) -> None:
        """End every socket and stream, telling its client; return when they are gone, or after `timeout` seconds."""
        self.closing = True
        tasks = set()
        for work in list(self.open):
            work.interrupt(Ending.GOING_AWAY)
            tasks.add(work.task)
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)


def going_away() -> Refused:
    """What an operation is told when the server goes away."""
    return refusal(Code.SERVICE_UNAVAILABLE, Ending.GOING_AWAY.value)


def expired() -> Refused:
    """What an operation is told when its identity expires."""
    return refusal(Code.UNAUTHENTICATED, Ending.EXPIRED.value)
