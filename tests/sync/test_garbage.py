"""Telling a token makes no garbage that only the collector could find: its pauses are what windows would feel."""

import asyncio
import gc
from itertools import count
from uuid import UUID, uuid4

from graphql import parse

from chat.scope import Scope
from resolvers.root import api
from schema.event import of_session
from sync.changes import Writing
from sync.channels import Frame
from sync.events import Event
from sync.session_feed import SessionFeed
from tests.sync.talk import begin
from transports.plan import Plan, Plans

DOCUMENT = (
    "subscription ($id: ID!) { session(id: $id) { __typename ... on TextDelta { messageId index offset text } } }"
)
EVENTS = 2_000


async def listening(scope: Scope, session_id: UUID, windows: int, plan: Plan, sent: list[bytes]) -> SessionFeed:
    """A feed with windows that have caught up and take everything at once."""
    process = scope.process
    feed = SessionFeed(process.db, process.bus, session_id, process.feeds.arrivals)
    await feed.open()

    def take(event: Event) -> bool:
        sent.append(plan.encode(of_session(event)))  # type: ignore[arg-type]
        return True

    for _ in range(windows):
        window = feed.join(scope.viewer.id, None)
        await anext(window)  # caught up
        window.take = take
        window._waiter = waiting()
    return feed


def waiting() -> asyncio.Future[None]:
    """Stands for somebody who waits for the next event."""
    return asyncio.get_running_loop().create_future()


async def test_tokens_leave_nothing_to_collect(scope: Scope) -> None:
    plan = Plans(api._schema, parse(DOCUMENT)).of({"id": "x"})
    assert plan is not None
    sent: list[bytes] = []
    run, message, numbers = uuid4(), uuid4(), count(1)
    feed = await listening(scope, await begin(scope), 3, plan, sent)
    feed.writing[run] = Writing(1, 0, message)
    for window in feed.windows:
        window._known[run] = (1, 0)
    gc.collect()
    gc.disable()
    try:
        for number in range(EVENTS):
            feed._take(Frame(run, message, 1, next(numbers), [["a", 0, 4 * number, "tok "]]))
        assert len(sent) == 3 * EVENTS
        assert gc.collect() < 100
    finally:
        gc.enable()
        feed.close()
