"""A model without a model: it says what a test tells it to, or runs by itself for load tests and demos."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Self
from urllib.parse import parse_qs, urlsplit

from llm import parameters
from llm.errors import ModelError, ModelErrorCode
from llm.events import Event, Finished, FinishReason, TextDelta, Usage
from llm.script import Script
from llm.turns import Request


class ScriptedModel:
    """A `Model` for tests and demos. Serves any number of streams at once, and remembers what it was asked.

    Controlled: `await model.say("Hel")`, `await model.say("lo", end=True)`, and the other methods of `Script`, go to
    the oldest script that is not over. Streams take the scripts in order. For several streams at once, make a
    `script()` for each and speak through those.

    With `answer` it runs by itself instead: each stream gives the events of its own `answer(request)`.
    """

    def __init__(self, answer: Callable[[Request], AsyncGenerator[Event]] | None = None) -> None:
        self.requests: list[Request] = []
        """What it was asked, in order."""
        self.stopped = 0
        """How many streams were closed before their end."""
        self._answer = answer
        self._scripts: deque[Script] = deque()
        self._unopened: deque[Script] = deque()
        self._news = asyncio.Event()

    @classmethod
    def streaming(cls, text: str | Sequence[str], interval: float = 0.0) -> Self:
        """A model that always gives this reply by itself: a token each `interval` seconds, on a fixed schedule.

        A text is cut into words with the space before them; a sequence is taken as the tokens.
        """
        tokens = tuple(re.findall(r"\s*\S+|\s+", text)) if isinstance(text, str) else tuple(text)
        return cls(lambda _: _recite(tokens, interval))

    @classmethod
    def of_url(cls, url: str) -> Self:
        """The self-running model of an address such as `scripted:?tokens=2000&interval=0.001`, for load tests.

        `interval` is in seconds, 0 by default. The reply is `text`, or else that many `tokens` (100), which are the
        numbers from 0 with a space after each: a reader sees at once that nothing is missing, twice, or misplaced.

        Raises:
            ModelError: `NOT_CONFIGURED`, an option is unknown or no number.
        """
        options = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        try:
            interval = float(options.pop("interval", "0"))
            count = int(options.pop("tokens", "100"))
        except ValueError:
            interval = count = -1
        text = options.pop("text", None)
        if options or not 0 <= interval < float("inf") or count < 0:
            raise ModelError(
                "A scripted model's URL must be like scripted:?tokens=2000&interval=0.001 or scripted:?text=Hello.",
                ModelErrorCode.NOT_CONFIGURED,
            )
        return cls.streaming([f"{number} " for number in range(count)] if text is None else text, interval)

    async def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Continue the conversation; see `Model.stream`."""
        self.requests.append(request)
        self._announce()
        parameters.check(request.parameters)
        whole = False
        try:
            async with aclosing(self._performance(request)) as events:
                async for event in events:
                    whole = isinstance(event, Finished)
                    yield event
        except ModelError:
            whole = True
            raise
        finally:
            self.stopped += not whole
            self._announce()

    def script(self) -> Script:
        """A script for the next stream that has none yet."""
        if self._answer is not None:
            raise RuntimeError("This model runs by itself.")
        script = Script()
        self._scripts.append(script)
        self._unopened.append(script)
        return script

    async def say(self, text: str, *, end: bool = False) -> None:
        """Say some text; with `end`, that was all. See `Script`."""
        await self._current().say(text, end=end)

    async def think(self, text: str) -> None:
        """Give some reasoning. See `Script`."""
        await self._current().think(text)

    async def call(self, id: str, name: str, arguments: str = "{}") -> None:
        """Write a whole call of a tool. See `Script`."""
        await self._current().call(id, name, arguments)

    async def result(self, call_id: str, name: str, content: str, *, is_error: bool = False) -> None:
        """Give the result of a tool that the provider ran itself. See `Script`."""
        await self._current().result(call_id, name, content, is_error=is_error)

    async def give(self, *events: Event) -> None:
        """Give these events, one after the other. See `Script`."""
        await self._current().give(*events)

    async def finish(
        self,
        *,
        usage: Usage | None = None,
        finish_reason: FinishReason = FinishReason.STOP,
        provider_ref: str | None = None,
    ) -> None:
        """End the reply. See `Script`."""
        await self._current().finish(usage=usage, finish_reason=finish_reason, provider_ref=provider_ref)

    async def fail(self, error: ModelError) -> None:
        """End the stream with an error. See `Script`."""
        await self._current().fail(error)

    async def until_asked(self, times: int = 1) -> Request:
        """Wait until it was asked so often in all; the request of that time."""
        while len(self.requests) < times:
            await self._news.wait()
        return self.requests[times - 1]

    async def until_stopped(self, times: int = 1) -> None:
        """Wait until so many streams in all were closed before their end."""
        while self.stopped < times:
            await self._news.wait()

    def _current(self) -> Script:
        while self._scripts and self._scripts[0].over:
            self._scripts.popleft()
        return self._scripts[0] if self._scripts else self.script()

    def _performance(self, request: Request) -> AsyncGenerator[Event]:
        if self._answer is not None:
            return self._answer(request)
        if not self._unopened:
            self.script()
        return self._unopened.popleft().perform(request)

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


async def _recite(tokens: Sequence[str], interval: float) -> AsyncGenerator[Event]:
    loop = asyncio.get_running_loop()
    due = loop.time()
    for token in tokens:
        due += interval
        # Sleeping to a schedule keeps the rate when the loop is late; at 0 it still lets others run.
        await asyncio.sleep(max(0.0, due - loop.time()))
        yield TextDelta(token)
    yield Finished(Usage(0, len(tokens)))
