"""What all transports share: who may ask, what runs, and what must end when the server goes away."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from types import TracebackType
from typing import Any, Self, override

from graphql import GraphQLError

from transports.callers import Admit, Authenticate, Caller, Identity, MakeContext, Unauthenticated
from transports.errors import Code, Refused, refusal, shown
from transports.interruptions import Interruptible
from transports.operations import Operations
from transports.pulse import Pulse


class Ending(Enum):
    """Why a socket or stream ends before its client or its operation ends it."""

    DISCONNECTED = "The client left."
    EXPIRED = "The token expired."
    GOING_AWAY = "The server is going away."
    NO_INIT = "The client did not initialise the connection in time."
    SILENT = "The client answers no pings."


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
    pulse: Pulse
    closing: bool = False
    open: set[Interruptible[Ending]] = field(default_factory=set)
    answering: "set[Answering]" = field(default_factory=set)

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

    async def shutdown(self, timeout: float, grace: float) -> None:
        """End every socket and stream, telling its client; return when they are gone, or after `timeout` seconds.

        What has one answer may come to its end for `grace` seconds, and so may the sockets that wait for such.
        """
        self.closing = True
        busy = {work.within for work in self.answering}
        ending = self._end([work for work in self.open if work not in busy])
        under_way = {work.task for work in self.answering} | self.operations.mutations
        if under_way:
            await asyncio.wait(under_way, timeout=grace)
        for work in list(self.answering):
            work.interrupt(Ending.GOING_AWAY)
        ending |= {work.task for work in self.answering}
        await self.operations.end_mutations(grace / 2)
        ending |= self._end(self.open)
        if ending:
            await asyncio.wait(ending, timeout=timeout)

    def _end(self, open: Iterable[Interruptible[Ending]]) -> set[asyncio.Task[object]]:
        """Has sockets and streams end; their tasks."""
        works = list(open)
        for work in works:
            work.interrupt(Ending.GOING_AWAY)
        return {work.task for work in works}


class Answering(Interruptible[Ending]):
    """Work that has one answer, perhaps for a socket; interrupted only if it takes too long for a server that ends."""

    __slots__ = ("_answering", "within")

    def __init__(self, service: Service[Any], within: Interruptible[Ending] | None = None) -> None:
        super().__init__()
        self._answering = service.answering
        self.within = within

    @override
    async def __aenter__(self) -> Self:
        self._answering.add(self)
        return await super().__aenter__()

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Leave.

        Raises:
            Refused: the server went away before the work was done.
        """
        self._answering.discard(self)
        suppressed = await super().__aexit__(kind, error, trace)
        if suppressed and self.reason is Ending.GOING_AWAY:
            raise refusal(Code.SERVICE_UNAVAILABLE, f"{Ending.GOING_AWAY.value} Send the same again in a moment.")
        return suppressed


def going_away() -> Refused:
    """What an operation is told when the server goes away."""
    return refusal(Code.SERVICE_UNAVAILABLE, Ending.GOING_AWAY.value)


def expired() -> Refused:
    """What an operation is told when its identity expires."""
    return refusal(Code.UNAUTHENTICATED, Ending.EXPIRED.value)
