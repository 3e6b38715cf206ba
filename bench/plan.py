"""What does it cost to turn an event, or a page, into JSON?

    .venv/bin/python -m bench.plan --rounds 9

Side by side in one process: graphql-core as it executes Strawberry's schema, and the compiled plan. Every side makes
the same bytes, which is checked. An event is one of a subscription whose operation is prepared already; a page is a
connection of 50 messages with three parts each, `whole` with one plan for everything, `behind a resolver` in an
execution of its own, as a query runs. The figures are medians of the rounds, in microseconds.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import strawberry
from graphql import DocumentNode, ExecutionResult, Executor, execute, parse
from graphql.execution.incremental import IncrementalExecutor
from graphql.pyutils import is_awaitable

from bench import results
from db.models import MessageRole, MessageStatus
from resolvers.root import CONFIG, PARTS, api
from schema.connection import Edge, PageInfo
from schema.cursor import PageCursor
from schema.event import TextDelta
from schema.message import Message, MessageConnection
from schema.part import TextPart, ToolCallPart, ToolResultPart
from transports.encoding import encode
from transports.plan import PlannedExecutor, Plans, execution

ID = strawberry.ID
UUID = ID("0199b7c1-3d54-7c6a-9a0e-2f6d1b9c4e70")
AT = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)

EVENT = """subscription {
    session(id: "1") { __typename ... on TextDelta { runId messageId index offset text } ... on Reset { reason } } }"""
PAGE = """{ page {
    pageInfo { hasPreviousPage startCursor }
    edges { cursor node { id parentId role status content createdAt parts {
        __typename index
        ... on TextPart { text }
        ... on ToolCallPart { callId name arguments }
        ... on ToolResultPart { callId content isError } } } } } }"""

type Side = Callable[[], bytes | Awaitable[bytes]]


@strawberry.type
class Query:
    page: MessageConnection


@dataclass(frozen=True)
class Figures:
    """One case."""

    case: str
    bytes: int
    graphql_core_us: float
    plan_us: float
    times: float


async def _none() -> int:
    return 0


def delta() -> TextDelta:
    return TextDelta(run_id=UUID, message_id=UUID, index=0, offset=1234, text="Windows")


def page() -> MessageConnection:
    def message(number: int) -> Message:
        return Message(
            id=UUID,
            session_id=UUID,
            parent_id=UUID,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.COMPLETE,
            content=f"Message {number} " * 20,
            parts=[
                ToolCallPart(index=0, call_id=ID("call"), name="search", arguments='{"words": "a window"}'),
                ToolResultPart(index=1, call_id=ID("call"), name="search", content="found " * 20, is_error=False),
                TextPart(index=2, text=f"Message {number} " * 20),
            ],
            metadata=strawberry.scalars.JSON({}),
            error=None,
            finish_reason=None,
            compaction=None,
            author_id=None,
            run_id=None,
            page_cursor=PageCursor("WyJtZXNzYWdlIiwwLDBd"),
            client_created_at=None,
            created_at=AT,
            updated_at=AT,
            version=1,
            deleted_at=None,
            reactions=[],
            feedback=[],
            annotations=[],
        )

    return MessageConnection(
        edges=[Edge(node=message(number), cursor=PageCursor(str(number))) for number in range(50)],
        page_info=PageInfo(
            has_next_page=False, has_previous_page=True, start_cursor=PageCursor("0"), end_cursor=PageCursor("49")
        ),
        count=_none,
    )


def events() -> Mapping[str, Side]:
    """A delta on its way to a window."""
    document, value = parse(EVENT), delta()
    plan = Plans(api._schema, document).of(None)
    executor = Executor.build(api._schema, document)
    assert plan is not None
    assert isinstance(executor, Executor)

    def executed() -> bytes:
        result = executor.build_per_event_executor(value).execute_operation()
        assert isinstance(result, ExecutionResult)
        return encode({"data": result.data})

    return {"graphql-core": executed, "plan": lambda: plan.encode(value)}


def pages(*, whole: bool) -> Mapping[str, Side]:
    """A page, once its rows are there."""
    document, value = parse(PAGE), page()
    schema = strawberry.Schema(query=Query, types=PARTS, config=CONFIG)._schema
    plans = Plans(schema, document)
    plan = plans.of(None)
    assert plan is not None
    if whole:
        return {
            "graphql-core": _executing(schema, document, value, IncrementalExecutor),
            "plan": lambda: plan.encode(value),
        }
    execution.plans.set(plans)
    return {
        "graphql-core": _executing(schema, document, value, IncrementalExecutor),
        "plan": _executing(schema, document, value, PlannedExecutor),
    }


def _executing(schema: Any, document: DocumentNode, value: object, executor: type[Executor[Any]]) -> Side:
    root = SimpleNamespace(page=value)

    async def executed() -> bytes:
        found = execute(schema, document, root, executor_class=executor)
        result = await found if is_awaitable(found) else found
        assert isinstance(result, ExecutionResult)
        return encode({"data": result.data})

    return executed


async def took(side: Side, seconds: float) -> float:
    """Microseconds of one call, on average over about so many seconds."""
    calls, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(20):
            found = side()
            if not isinstance(found, bytes):
                await found
        calls += 20
    return 1e6 * spent / calls


async def measure(case: str, sides: Mapping[str, Side], rounds: int, seconds: float) -> Figures:
    """All sides of a case, in turn."""
    said = {name: found if isinstance(found := side(), bytes) else await found for name, side in sides.items()}
    assert len(set(said.values())) == 1, "the sides say different things"
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(await took(side, seconds))
    core, plan = (statistics.median(times[name]) for name in ("graphql-core", "plan"))
    return Figures(case, len(said["plan"]), round(core, 2), round(plan, 2), round(core / plan, 1))


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=float, default=0.2)
    chosen = options.parse_args()
    cases = {"event": events(), "page, whole": pages(whole=True), "page, behind a resolver": pages(whole=False)}
    rows = [asdict(await measure(case, sides, chosen.rounds, chosen.seconds)) for case, sides in cases.items()]
    results.keep("plan", vars(chosen), rows)
    results.show(rows)


if __name__ == "__main__":
    asyncio.run(main())
