"""One operation, from a request to its results. Every transport runs operations through here and nowhere else."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import DocumentNode, OperationType
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from server.graphql import errors
from server.graphql.documents import Document, Documents
from server.graphql.encoding import encode
from server.graphql.errors import Code, Explain, Refused, refusal
from server.graphql.persisted import PersistedDocuments
from server.graphql.requests import Request

type EventId = Callable[[dict[str, Any]], str | None]
"""From the `data` of a result to the cursor that an event stream can resume after, if it carries one."""

_document: ContextVar[DocumentNode] = ContextVar("_document")


class _Prepared(SchemaExtension):
    """Hands Strawberry the document that is parsed and validated already."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = _document.get()
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


@dataclass(frozen=True, slots=True)
class Result:
    """One execution result."""

    body: bytes
    """The result as JSON: `data`, and `errors` and `extensions` if there are any."""
    event_id: str | None


class Operations:
    """Turns requests into operations of one schema."""

    def __init__(
        self,
        schema: strawberry.Schema,
        documents: Documents,
        persisted: PersistedDocuments,
        *,
        timeout: float,
        event_id: EventId | None,
        explain: Explain,
    ) -> None:
        self.schema = copy(schema)
        self.schema.extensions = (_Prepared, *schema.extensions)
        self.schema.process_errors = lambda *_: None  # type: ignore[method-assign]  # `errors.shown` logs, once
        self.timeout = timeout
        self.event_id = event_id
        self.explain = explain
        self._documents = documents
        self._persisted = persisted

    def prepare(self, request: Request) -> "Operation":
        """The operation that a request asks for, ready to run.

        Raises:
            Refused: the document is unknown, invalid, too large, or has no such operation.
        """
        document = self._documents.get(self._persisted.text_of(request))
        self._persisted.keep(request)
        name, kind = document.operation(request.operation_name)
        return Operation(self, document, request, name, kind)


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid operation with its variables."""

    of: Operations
    document: Document
    request: Request
    name: str | None
    kind: OperationType

    @property
    def streams(self) -> bool:
        """Whether it is a subscription, with any number of results."""
        return self.kind is OperationType.SUBSCRIPTION

    async def run(self, context: object) -> AsyncGenerator[Result]:
        """Execute; a query or mutation has one result. Close the generator to stop it.

        Raises:
            Refused: nothing was executed, or the stream of a subscription broke. Nothing follows it.
        """
        _document.set(self.document.syntax)
        if self.streams:
            results = await self.of.schema.stream(*self._arguments(context))
            async with aclosing(results):
                async for result in results:
                    yield self._result(result)
        else:
            yield self._result(await self._execute(context))

    async def _execute(self, context: object) -> ExecutionResult:
        try:
            async with asyncio.timeout(self.of.timeout):
                return await self.of.schema.execute(*self._arguments(context))
        except TimeoutError:
            raise refusal(
                Code.TIMED_OUT, f"The operation was stopped: it took longer than {self.of.timeout:g} s."
            ) from None

    def _arguments(self, context: object) -> tuple[str, dict[str, Any] | None, object, None, str | None]:
        return self.document.text, self.request.variables, context, None, self.name

    def _result(self, result: object) -> Result:
        if not isinstance(result, ExecutionResult):
            raise refusal(Code.BAD_REQUEST, "Incremental delivery (@defer, @stream) is not supported.")
        if result.errors and _is_request_error(result):
            raise Refused(*errors.shown(result.errors, self.of.explain))
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = [error.formatted for error in errors.shown(result.errors, self.of.explain)]
        if result.extensions:
            payload["extensions"] = result.extensions
        event_id = self.of.event_id(result.data) if self.of.event_id and result.data else None
        try:
            return Result(encode(payload), event_id)
        except TypeError as error:
            raise Refused(errors.incident(error)) from error


def _is_request_error(result: ExecutionResult) -> bool:
    """Whether nothing was executed: an error of a field, which nulls `data` as far as the root, has a path."""
    return isinstance(result, PreExecutionError) or (
        result.data is None and not any(error.path for error in result.errors or ())
    )
