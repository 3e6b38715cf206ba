"""One operation, from a request to its results. Every transport runs operations through here and nowhere else."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeGuard, cast

import strawberry
from graphql import ExecutionResult, OperationType, execute
from strawberry.execution.is_awaitable import optimized_is_awaitable

from db.budgets import ANSWER_BYTES, ANSWER_ROWS, Bound, Budget, Budgets
from sync.subscriber import Listener
from transports import errors, limits, subscriptions
from transports.documents import Document, Documents
from transports.encoding import encode
from transports.errors import Code, Explain, Refused, refusal
from transports.persisted import PersistedDocuments
from transports.plan import PlannedExecutor, Plans
from transports.plan.execution import plans
from transports.requests import Request
from transports.results import Result
from transports.subscriptions import Take

type EventId = Callable[[dict[str, Any]], str | None]
"""From the `data` of a result to the cursor that an event stream can resume after, if it carries one."""

_is_awaitable = cast("Callable[[object], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


_CROWDED = "The server is making too many large answers just now. Try again shortly, or ask for less at once."


class Operations:
    """Turns requests into operations of one schema."""

    def __init__(
        self,
        schema: strawberry.Schema,
        documents: Documents,
        persisted: PersistedDocuments,
        *,
        budgets: Budgets | None = None,
        answer_rows: int = ANSWER_ROWS,
        timeout: float,
        event_id: EventId | None,
        explain: Explain,
    ) -> None:
        assert not schema.extensions, "Extensions of a schema are not run here."
        self.schema = schema
        self.budgets = budgets or Budgets(ANSWER_BYTES, ANSWER_BYTES)
        self.timeout = timeout
        self._event_id = event_id
        self.explain = explain
        self._answer_rows = answer_rows
        self._documents = documents
        self._persisted = persisted
        self.mutations: set[asyncio.Task[object]] = set()
        """Those that run, also for clients who have left."""

    def event_id_of(self, data: dict[str, Any] | None) -> str | None:
        """The cursor that these data carry."""
        return self._event_id(data) if self._event_id is not None and data else None

    async def to_the_end[R](self, mutation: Coroutine[Any, Any, R]) -> R:
        """What a mutation returns. It goes on if its client leaves: what is stored is also told to all others."""
        task = asyncio.create_task(mutation)
        self.mutations.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def end_mutations(self, timeout: float) -> None:
        """Ends mutations that still run, so that each is done or not; returns when they are over, or after a while."""
        for mutation in self.mutations:
            mutation.cancel()
        if self.mutations:
            await asyncio.wait(set(self.mutations), timeout=timeout)

    def _ended(self, mutation: asyncio.Task[object]) -> None:
        self.mutations.discard(mutation)
        if not mutation.cancelled():
            mutation.exception()  # it is its client's, who may have left

    def prepare(self, request: Request) -> "Operation":
        """The operation that a request asks for, ready to run.

        Raises:
            Refused: the document is unknown, invalid, too large, or has no such operation, or its answer could have
                too many rows.
        """
        document = self._documents.get(self._persisted.text_of(request))
        self._persisted.keep(request)
        name, kind = document.operation(request.operation_name)
        rows = document.costs[name].rows(request.variables)
        if rows > self._answer_rows:
            raise Refused(limits.too_many_rows(self._answer_rows, rows))
        return Operation(self, document, request.variables, name, kind)


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid operation with its variables."""

    of: Operations
    document: Document
    variables: dict[str, Any] | None
    name: str | None
    kind: OperationType

    @property
    def streams(self) -> bool:
        """Whether it is a subscription, with any number of results."""
        return self.kind is OperationType.SUBSCRIPTION

    @property
    def plans(self) -> Plans:
        """The plans of its selections."""
        return self.document.plans[self.name]

    def run(
        self, context: object, take: Take | None = None, listener: Listener | None = None
    ) -> AsyncGenerator[Result]:
        """Execute; a query or mutation has one result. Close the generator to stop it.

        The results of a subscription go to `take` as far as that takes them, and are not yielded then. `listener` knows
        whether its client is there.

        Raises:
            Refused: nothing was executed, or the stream of a subscription broke. Nothing follows it.
        """
        return subscriptions.results(self, context, take, listener) if self.streams else self._one(context)

    async def _one(self, context: object) -> AsyncGenerator[Result]:
        yield await self.answer(context)

    async def answer(self, context: object) -> Result:
        """Execute a query or mutation.

        Raises:
            Refused: nothing was executed.
        """
        plans.set(self.plans)
        work = self._within_budget(context)
        return await (self.of.to_the_end(work) if self.kind is OperationType.MUTATION else work)

    async def _within_budget(self, context: object) -> Result:
        loop = asyncio.get_running_loop()
        patience = asyncio.timeout(self.of.timeout)
        with self.budget(lambda: patience.reschedule(loop.time())) as budget:
            try:
                async with patience:
                    result = await self._execute(context)
            except TimeoutError:
                if budget.exhausted is None:
                    raise refusal(
                        Code.TIMED_OUT, f"The operation was stopped: it took longer than {self.of.timeout:g} s."
                    ) from None
            self.refuse_if_exhausted(budget)
            return self.result(result)

    async def _execute(self, context: object) -> object:
        """What graphql-core makes of the operation; Strawberry's own `execute` would parse and validate it anew."""
        result = execute(
            self.of.schema._schema,
            self.document.syntax,
            context_value=context,
            variable_values=self.variables,
            operation_name=self.name,
            executor_class=PlannedExecutor,
            is_awaitable=_is_awaitable,
        )
        return await result if isawaitable(result) else result

    def budget(self, stop: Callable[[], None]) -> AbstractContextManager[Budget]:
        """The bytes that one result may take; `stop` is called when there is no more room."""
        return self.of.budgets.open(copies=self.document.costs[self.name].copies, stop=stop)

    def refuse_if_exhausted(self, budget: Budget) -> None:
        """Passes if a result has kept its budget.

        Raises:
            Refused: it has not.
        """
        match budget.exhausted:
            case Bound.ANSWER:
                raise Refused(limits.too_many_bytes(self.of.budgets.each, budget.taken))
            case Bound.PROCESS:
                raise refusal(Code.SERVICE_UNAVAILABLE, _CROWDED)

    def result(self, result: object) -> Result:
        """The result as it goes to the client.

        Raises:
            Refused: nothing was executed, or the result has no JSON form.
        """
        if not isinstance(result, ExecutionResult):
            raise refusal(Code.BAD_REQUEST, "Incremental delivery (@defer, @stream) is not supported.")
        if result.errors and _is_request_error(result):
            raise Refused(*errors.shown(result.errors, self.of.explain))
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = [error.formatted for error in errors.shown(result.errors, self.of.explain)]
        if result.extensions:
            payload["extensions"] = result.extensions
        try:
            return Result(encode(payload), self.of.event_id_of(result.data))
        except TypeError as error:
            raise Refused(errors.incident(error)) from error


def _is_request_error(result: ExecutionResult) -> bool:
    """Whether nothing was executed: an error of a field, which nulls `data` as far as the root, has a path."""
    return result.data is None and not any(error.path for error in result.errors or ())
