"""What goes wrong over GraphQL: a closed set of codes, refusals, and the masking of everything unforeseen."""

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import uuid4

from graphql import FieldNode, GraphQLError, VariableDefinitionNode

from transports import wording

logger = logging.getLogger("transom.graphql")


class Code(StrEnum):
    """Every value that `errors[].extensions.code` can have."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    """The document is not GraphQL."""
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    """The document does not fit the schema."""
    OPERATION_RESOLUTION_FAILED = "OPERATION_RESOLUTION_FAILED"
    """The document has no operation of the given name, or several and no name was given."""
    BAD_REQUEST = "BAD_REQUEST"
    """The request around the document is malformed: its method, media type, JSON or parameters."""
    BAD_USER_INPUT = "BAD_USER_INPUT"
    """A variable or argument has a value that its type or a rule refuses."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """There is no valid credential, or it has expired."""
    NOT_FOUND = "NOT_FOUND"
    """There is no such thing, or it is not the caller's to see."""
    FORBIDDEN = "FORBIDDEN"
    """The caller is known and may not do this."""
    DOCUMENT_TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"
    """The document exceeds a limit; `limit`, `allowed` and `actual` tell which and by how much."""
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    """Only documents of the server's manifest are accepted, and this is none of them."""
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    """No document of this hash is stored; send it once with its text."""
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    """Documents cannot be stored here, or not by this version of the protocol."""
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    """The socket runs as many operations as it may; complete one first."""
    RATE_LIMITED = "RATE_LIMITED"
    """The caller asks too often; try again later."""
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    """The account has as many windows open as it may, by `limit` and `used`; close one first."""
    TIMED_OUT = "TIMED_OUT"
    """The operation took longer than the server allows and was stopped."""
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    """The server is going away or misses a part it needs; try again shortly."""
    INTERNAL = "INTERNAL"
    """A fault on our side; `incident` is in the server's log too."""


class Refused(Exception):
    """Nothing of the operation was executed, or it ends here: the response has `errors` and no `data`.

    `status` and `headers` are those of an HTTP answer, where they do not follow from the code.
    """

    def __init__(
        self, *errors: GraphQLError, status: int | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(*(error.message for error in errors))
        self.errors = errors
        self.status = status
        self.headers = tuple(headers)

    @property
    def code(self) -> Code:
        """The code of the first error."""
        return Code((self.errors[0].extensions or {})["code"])

    @property
    def formatted(self) -> list[dict[str, Any]]:
        """The errors as they go over the wire."""
        return [dict(error.formatted) for error in self.errors]


def refusal(
    code: Code, message: str, *, status: int | None = None, headers: Iterable[tuple[str, str]] = (), **extensions: Any
) -> Refused:
    """One coded error to raise; `extensions` are added to it."""
    error = GraphQLError(message, extensions={"code": code.value, **extensions})
    return Refused(error, status=status, headers=headers)


def coded(error: GraphQLError, code: Code) -> GraphQLError:
    """The same error with this code, unless it has one."""
    error.extensions = {"code": code.value, **(error.extensions or {})}
    return error


def incident(cause: BaseException, *, path: list[str | int] | None = None) -> GraphQLError:
    """Log a fault and return what the client may know of it.

    The log has the incident's id, the path and where each exception came from, but no exception text: it often holds
    content.
    """
    id_ = uuid4().hex[:12]
    where = ".".join(map(str, path)) if path else "the transport"
    logger.error("Incident %s at %s\n%s", id_, where, "".join(_trace(cause)))
    return GraphQLError(
        f"Something went wrong on our side. Incident {id_}.",
        path=path,
        extensions={"code": Code.INTERNAL.value, "incident": id_},
    )


class Explained(NamedTuple):
    """What a client may know of an exception that is no fault of the server's."""

    code: Code
    text: str
    extensions: Mapping[str, Any] = {}


type Explain = Callable[[Exception], Explained | None]
"""What a client may know of an exception; None for a fault."""


def unexplained(_: Exception) -> None:
    """Takes every exception for a fault."""


def shown(errors: Iterable[GraphQLError], explain: Explain = unexplained) -> list[GraphQLError]:
    """The errors of one result as the client may see them: coded refusals as they are, input errors, incidents."""
    return [_shown(error, explain) for error in errors]


def _shown(error: GraphQLError, explain: Explain) -> GraphQLError:
    if error.original_error is not None and (explained := explain(error.original_error)) is not None:
        extensions = {"code": explained.code.value, **explained.extensions}
        return GraphQLError(explained.text, nodes=error.nodes, path=error.path, extensions=extensions)
    if isinstance(error.original_error, GraphQLError) and not error.extensions:
        error.extensions = error.original_error.extensions
    if (error.extensions or {}).get("code") in Code:
        return error
    if _is_about_input(error):
        return GraphQLError(
            wording.without_values(error.message),
            nodes=error.nodes,
            path=error.path,
            extensions={"code": Code.BAD_USER_INPUT.value},
        )
    return incident(error.original_error or error, path=error.path)


def _is_about_input(error: GraphQLError) -> bool:
    """Whether graphql-core raised this while coercing variables or arguments.

    Only then does it point at a node that is not the field itself.
    """
    if not error.nodes:
        return False
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        return isinstance(error.nodes[0], VariableDefinitionNode)
    return not isinstance(error.nodes[0], FieldNode)


def _trace(cause: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    current: BaseException | None = cause
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"{type(current).__module__}.{type(current).__qualname__}\n"
        yield from traceback.format_tb(current.__traceback__)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
