"""What does it cost to read one chunk of what a model provider sends?

    .venv/bin/python -m bench.chunks

Processor time of one core for a chunk that holds one token, in OpenAI's dialect. *From bytes*: splitting the event
stream, reading the JSON, and making events of it, with nothing else. *Over HTTP*: what `llm` needs in all for replies
that come from another process, each chunk by itself; the event loop and the system's calls are in it.
"""

import argparse
import asyncio
import os
import time
from contextlib import aclosing

import orjson
import uvloop

from bench import machine, results
from bench.chats import providing
from bench.chats.providing import Providing
from bench.peers import control
from llm.endpoint import objects
from llm.events import TextDelta
from llm.models import Models
from llm.openai import ChatCompletion
from llm.sse import EventStream
from llm.turns import Request, Text, Turn

SHAPES = ((20, 50.0), (20, 500.0), (200, 50.0))
"""Replies at once, and chunks a second of each."""
ASKED = Request((Turn("user", (Text("Count."),)),))
EVERY = 20_000
"""Chunks of one measurement from bytes."""


def from_bytes() -> float:
    """Microseconds for a chunk."""
    choice = {"index": 0, "delta": {"content": control.text(1, 1)}, "logprobs": None, "finish_reason": None}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    chunk = b"data: " + orjson.dumps(whole) + b"\n\n"
    stream, reply, read = EventStream(), ChatCompletion(), 0
    began = time.process_time()
    for _ in range(EVERY):
        for data in stream.feed(chunk):
            for each in objects(data):
                read += len(list(reply.take(each)))
    took = time.process_time() - began
    assert read == EVERY
    return 1e6 * took / EVERY


async def over_http(provider: Providing, replies: int, rate: float, seconds: float) -> float:
    """Microseconds for a chunk."""
    count = round(rate * seconds)
    async with Models.open(url=f"http://127.0.0.1:{provider.port}/v1", model="m") as models:
        await models.warm()
        await provider.tell("expect", sessions=replies, rate=rate, count=count)

        async def read() -> int:
            found = 0
            async with aclosing(models.choose().stream(ASKED)) as events:
                async for event in events:
                    found += isinstance(event, TextDelta)
            return found

        reading = [asyncio.create_task(read()) for _ in range(replies)]
        await provider.tell("asked", times=replies)
        began = time.process_time()
        await provider.tell("begin", start=control.now() + control.LEAD)
        found = await asyncio.gather(*reading)
        used = time.process_time() - began
    assert found == [count + 1] * replies, found
    return 1e6 * used / (count * replies)


async def run(rounds: int, seconds: float) -> list[results.Row]:
    """All rounds."""
    kinds: dict[str, list[float]] = {"from bytes": []}
    with providing.provider() as provider:
        os.sched_setaffinity(0, {machine.SERVER})
        for _ in range(rounds):
            kinds["from bytes"].append(from_bytes())
            for replies, rate in SHAPES:
                name = f"over HTTP, {replies} replies of {rate:g} a second"
                kinds.setdefault(name, []).append(await over_http(provider, replies, rate, seconds))
    return [{"chunk": name, "µs": results.spread(figures)} for name, figures in kinds.items()]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3.0)
    chosen = options.parse_args()
    machine.settle()
    rows = uvloop.run(run(chosen.rounds, chosen.seconds))
    results.keep("chunks", vars(chosen), rows)
    results.show(rows)


if __name__ == "__main__":
    main()
