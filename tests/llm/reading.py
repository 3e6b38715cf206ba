"""Ways to ask a model and read all it gives."""

import asyncio
from contextlib import aclosing

from llm.errors import ModelError
from llm.events import Event, TextDelta
from llm.model import Model
from llm.models import Models
from llm.turns import Request, Text, Turn

HI = Request((Turn("user", (Text("Hi"),)),))


async def read(model: Model | Models, request: Request = HI) -> list[Event]:
    """All events of one stream, within half a minute."""
    chosen = model.choose() if isinstance(model, Models) else model
    async with asyncio.timeout(30), aclosing(chosen.stream(request)) as events:
        return [event async for event in events]


async def read_until_failure(models: Models, request: Request = HI) -> tuple[list[Event], ModelError]:
    """What came before the stream failed, and how it failed."""
    given: list[Event] = []
    try:
        async with asyncio.timeout(30), aclosing(models.choose().stream(request)) as events:
            async for event in events:
                given.append(event)
    except ModelError as error:
        return given, error
    raise AssertionError("The stream did not fail.")


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))
