"""One stream of the scripted model, told from outside what to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from llm.errors import ModelError
from llm.events import (
    Event,
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallFinished,
    ToolCallStarted,
    ToolResultGiven,
    Usage,
)
from llm.turns import Request


class Stopped(Exception):
    """The consumer closed the stream before what was to be said."""


class Script:
    """One stream of a `ScriptedModel`, controlled from outside.

    Every method returns once the consumer has dealt with what was said: it asked for more, or left. It waits as long
    as there is no consumer. All raise `Stopped` if the consumer left before.
    """

    def __init__(self) -> None:
        self.request: Request | None = None
        """What the stream was asked; `None` until it opens."""
        self._lines: asyncio.Queue[tuple[Event | ModelError, asyncio.Future[None]]] = asyncio.Queue()
        self._deltas = 0
        self._over = asyncio.Event()
        self._whole = False

    @property
    def over(self) -> bool:
        """Whether the stream has ended, in whatever way."""
        return self._over.is_set()

    @property
    def stopped(self) -> bool:
        """Whether the consumer closed the stream before its end."""
        return self.over and not self._whole

    async def until_over(self) -> None:
        """Wait until the stream has ended, in whatever way."""
        await self._over.wait()

    async def say(self, text: str, *, end: bool = False) -> None:
        """Say some text; with `end`, that was all."""
        await self.give(*([TextDelta(text)] if text else []))
        if end:
            await self.finish()

    async def think(self, text: str) -> None:
        """Give some reasoning."""
        await self.give(ReasoningDelta(text))

    async def call(self, id: str, name: str, arguments: str = "{}") -> None:
        """Write a whole call of a tool."""
        await self.give(ToolCallStarted(id, name), ToolCallDelta(id, arguments), ToolCallFinished(id, arguments))

    async def result(self, call_id: str, name: str, content: str, *, is_error: bool = False) -> None:
        """Give the result of a tool that the provider ran itself."""
        await self.give(ToolResultGiven(call_id, name, content, is_error))

    async def finish(
        self,
        *,
        usage: Usage | None = None,
        finish_reason: FinishReason = FinishReason.STOP,
        provider_ref: str | None = None,
    ) -> None:
        """End the reply. Without `usage`, every delta of text or reasoning counts as an output token."""
        await self.give(Finished(usage or Usage(0, self._deltas), finish_reason, provider_ref))

    async def fail(self, error: ModelError) -> None:
        """End the stream with an error."""
        await self._put(error)

    async def give(self, *events: Event) -> None:
        """Give these events, one after the other."""
        for event in events:
            self._deltas += isinstance(event, TextDelta | ReasoningDelta)
            await self._put(event)

    async def _put(self, line: Event | ModelError) -> None:
        if self.over:
            raise Stopped
        done = asyncio.get_running_loop().create_future()
        self._lines.put_nowait((line, done))
        await done

    async def perform(self, request: Request) -> AsyncGenerator[Event]:
        """The stream that a consumer sees."""
        self.request = request
        try:
            while not self._whole:
                line, done = await self._lines.get()
                self._whole = isinstance(line, Finished | ModelError)
                try:
                    if isinstance(line, ModelError):
                        raise line
                    yield line
                finally:
                    if self._whole:
                        self._over.set()
                    if not done.done():
                        done.set_result(None)
        finally:
            self._over.set()
            while not self._lines.empty():
                _, done = self._lines.get_nowait()
                if not done.done():
                    done.set_exception(Stopped())
