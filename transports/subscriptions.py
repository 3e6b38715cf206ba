"""Subscriptions: from the events that a resolver returns to results.

An event that a plan understands is shown and encoded once for all who share the plan, and it goes to the client without
waking the task of its subscription, while the connection takes it. Everything else is executed event by event.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    create_source_event_stream,
    execute_subscription_event,
)

from sync.events import Told
from sync.followed import Followed
from sync.subscriber import Listener
from transports import errors
from transports.encoding import encode
from transports.errors import Refused
from transports.plan import Plan, PlannedExecutor
from transports.plan.execution import plans
from transports.results import Result

if TYPE_CHECKING:
    from transports.operations import Operation

type Take = Callable[[bytes], bool]
"""Sends the body of a result at once. False: the connection takes nothing just now."""


async def results(
    operation: "Operation", context: object, take: Take | None, listener: Listener | None
) -> AsyncGenerator[Result]:
    """The results of a subscription, without those that were taken. Close the generator to end the subscription.

    While it waits it holds as little as it can: subscriptions are many, and wait most of the time.

    Raises:
        Refused: it could not begin, or its stream broke. Nothing follows.
    """
    plans.set(operation.plans)
    try:
        source = await _source(operation, context)
        async with aclosing(source):
            if isinstance(source, Followed):
                following = _Following(operation, context, source)
                window = await source.open()
                if window.signals:
                    window.listener = listener
                if take is not None and following.plan is not None:
                    window.take = following.into(take)
                async for event in window:
                    yield following.planned(event) or await following.execute(event)
                    del event
            else:
                executor = _executor(operation, context)
                async for event in source:
                    yield await _execute(operation, executor, event)
    except Refused:
        raise
    except Exception as error:
        coded = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        raise Refused(*errors.shown([coded], operation.of.explain)) from error


def _executor(operation: "Operation", context: object) -> Executor[Any]:
    """What executes the operation.

    Raises:
        Refused: its variables are not as they should be.
    """
    executor = PlannedExecutor.build(
        operation.of.schema._schema,
        operation.document.syntax,
        context_value=context,
        raw_variable_values=operation.variables,
        operation_name=operation.name,
    )
    if isinstance(executor, list):
        raise Refused(*errors.shown(executor, operation.of.explain))
    return executor


async def _source(operation: "Operation", context: object) -> Any:
    """The events that the operation's resolver returns.

    Raises:
        Refused: it refuses.
    """
    executor = _executor(operation, context)
    source = create_source_event_stream(executor)
    if executor.is_awaitable(source):
        source = await source
    if isinstance(source, ExecutionResult):
        raise Refused(*errors.shown(source.errors or (), operation.of.explain))
    return source


async def _execute(operation: "Operation", executor: Executor[Any], event: object) -> Result:
    with operation.budget(lambda: None) as budget:
        result = execute_subscription_event(executor.build_per_event_executor(event))
        if executor.is_awaitable(result):
            result = await cast("Awaitable[ExecutionResult]", result)
        operation.refuse_if_exhausted(budget)
        return operation.result(cast("ExecutionResult", result))


@dataclass(slots=True)
class _Following:
    """A subscription to a scope."""

    operation: "Operation"
    context: object
    source: Followed[Any, Any]
    plan: Plan | None = None
    executor: Executor[Any] | None = None
    """Made when it is needed: where a plan understands all events, it never is."""

    def __post_init__(self) -> None:
        self.plan = self.operation.plans.of(self.operation.variables)

    def planned(self, event: Told) -> Result | None:
        """The result of an event by the plan, made for one window and kept for the others; None if it declines."""
        if self.plan is None:
            return None
        found = event.views.get(self.plan)
        if found is None:
            try:
                payload = self.plan.shape(self.source.show(event))
                found = Result(encode(payload), self.operation.of.event_id_of(payload["data"]))
            except Exception:
                return None
            event.views[self.plan] = found
        return cast("Result", found)

    def into(self, take: Take) -> Callable[[Told], bool]:
        """What takes an event's planned result to the client. False: the plan declines it, or `take` does."""
        plan, planned = self.plan, self.planned

        def taken(event: Told) -> bool:
            result = cast("Result | None", event.views.get(plan)) or planned(event)
            return result is not None and take(result.body)

        return taken

    async def execute(self, event: object) -> Result:
        """The result of an event by graphql-core."""
        if self.executor is None:
            self.executor = _executor(self.operation, self.context)
        return await _execute(self.operation, self.executor, self.source.show(event))
