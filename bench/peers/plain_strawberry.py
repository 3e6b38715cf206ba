"""Strawberry on uvicorn, as its documentation has it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry
from strawberry.asgi import GraphQL

from bench.peers import control

queues: dict[str, set[asyncio.Queue["TextDelta"]]] = defaultdict(set)


@strawberry.type
class Query:
    ok: bool = True


@strawberry.type
class TextDelta:
    run_id: strawberry.ID
    message_id: strawberry.ID
    index: int
    offset: int
    text: str


@strawberry.type
class Reset:
    reason: str


SessionEvent = Annotated[TextDelta | Reset, strawberry.union("SessionEvent")]


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def session(self, id: strawberry.ID) -> AsyncGenerator[SessionEvent]:
        queue: asyncio.Queue[TextDelta] = asyncio.Queue()
        queues[id].add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues[id].discard(queue)


def publish(session: int, number: int, stamp: int) -> None:
    id_ = strawberry.ID(control.id_of(session))
    text = control.text(number, stamp)
    delta = TextDelta(run_id=id_, message_id=id_, index=0, offset=25 * number, text=text)
    for queue in queues[id_]:
        queue.put_nowait(delta)


if __name__ == "__main__":
    control.serve(GraphQL(strawberry.Schema(query=Query, subscription=Subscription)), publish)
