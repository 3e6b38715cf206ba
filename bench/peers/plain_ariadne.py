"""Ariadne on uvicorn, as its documentation has it. Its types are not known where it is not installed."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.peers import control

ariadne: Any = import_module("ariadne")
asgi: Any = import_module("ariadne.asgi")
handlers: Any = import_module("ariadne.asgi.handlers")

queues: dict[str, set[asyncio.Queue[dict[str, Any]]]] = defaultdict(set)


async def follow(_: object, __: object, id: str) -> AsyncGenerator[dict[str, Any]]:
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    queues[id].add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        queues[id].discard(queue)


def show(event: object, *_: object, **__: object) -> object:
    return event


def publish(session: int, number: int, stamp: int) -> None:
    id_ = control.id_of(session)
    delta = {"runId": id_, "messageId": id_, "index": 0, "offset": 25 * number, "text": control.text(number, stamp)}
    for queue in queues[id_]:
        queue.put_nowait({"__typename": "TextDelta"} | delta)


def app() -> Any:
    subscription = ariadne.SubscriptionType()
    subscription.set_source("session", follow)
    subscription.set_field("session", show)
    union = ariadne.UnionType("SessionEvent", lambda event, *_: event["__typename"])
    sdl = Path(__file__).with_name("session.graphql").read_text()
    schema = ariadne.make_executable_schema(sdl, subscription, union)
    return asgi.GraphQL(schema, websocket_handler=handlers.GraphQLTransportWSHandler())


if __name__ == "__main__":
    control.serve(app(), publish)
