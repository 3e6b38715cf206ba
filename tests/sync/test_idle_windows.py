"""A window that waits, as most do most of the time, holds nothing that it does not wait with."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from uuid import UUID

import orjson
from graphql import Executor
from strawberry.dataloader import DataLoader

from chat.scope import Scope
from llm.scripted import ScriptedModel
from resolvers.root import api
from schema.context import Context
from tests.sync.client import PATIENCE
from tests.sync.talk import ask, begin
from transports.documents import Documents
from transports.errors import unexplained
from transports.limits import Limits
from transports.operations import Operations
from transports.persisted import PersistedDocuments
from transports.requests import Request
from transports.results import Result

FOLLOW = "subscription($id: ID!) { session(id: $id) { __typename ... on TextDelta { text } ... on RunChanged { run {"


def following(scope: Scope, session_id: UUID, selection: str) -> AsyncGenerator[Result]:
    """The results of a subscription that selects this of runs."""
    documents = Documents(api._schema, Limits())
    operations = Operations(api, documents, PersistedDocuments(), timeout=30, event_id=None, explain=unexplained)
    request = Request(f"{FOLLOW} {selection} }} }} }} }}", {"id": str(session_id)})
    return operations.prepare(request).run(Context(scope))


async def until(results: AsyncGenerator[Result], name: str) -> Result:
    """The next result of this type."""
    async with asyncio.timeout(PATIENCE):
        async for result in results:
            if orjson.loads(result.body)["data"]["session"]["__typename"] == name:
                return result
    raise AssertionError


def held() -> list[object]:
    """What subscriptions need to begin with, or for what no plan understands."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, Executor | DataLoader | Result)]


async def test_a_window_that_waits_has_no_executor_no_loader_and_no_result(scope: Scope) -> None:
    session_id, before = await begin(scope), len(held())
    async with AsyncExitStack() as stack:
        windows = [await stack.enter_async_context(aclosing(following(scope, session_id, "id"))) for _ in range(3)]
        for window in windows:
            await until(window, "CaughtUp")
        waiting = [asyncio.create_task(anext(window, None)) for window in windows]
        await asyncio.sleep(0)
        assert len(held()) == before
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_an_executor_is_made_for_what_only_it_understands(scope: Scope, model: ScriptedModel) -> None:
    session_id = await begin(scope)
    async with aclosing(following(scope, session_id, "message { content }")) as window:
        await until(window, "CaughtUp")
        await ask(scope, session_id)
        await model.say("Yes.", end=True)
        result = await until(window, "RunChanged")
        assert orjson.loads(result.body)["data"]["session"]["run"]["message"] is not None
