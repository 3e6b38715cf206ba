"""One GraphQL request as clients send it, whatever carries it."""

from dataclasses import dataclass
from typing import Any

from transports.errors import Code, refusal


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters of a request (GraphQL over HTTP, section "Request parameters"), checked for their types."""

    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None
    """The name of a trusted document, sent in place of its text as `documentId`, `id` or `doc_id`."""

    @classmethod
    def of(cls, parameters: object) -> "Request":
        """Read decoded JSON.

        Raises:
            Refused: it is no object, is a batch, or a parameter has the wrong type.
        """
        if isinstance(parameters, list):
            raise refusal(Code.BAD_REQUEST, "Batches are not supported; send one operation per request.")
        if not isinstance(parameters, dict):
            raise refusal(Code.BAD_REQUEST, "The request must be a JSON object.")
        query = _string(parameters, "query")
        document_id = None if query else _document_id(parameters)
        extensions = _object(parameters, "extensions")
        if not query and document_id is None and not (extensions and "persistedQuery" in extensions):
            raise refusal(Code.BAD_REQUEST, "The parameter 'query' is missing.")
        return cls(
            query or None,
            _object(parameters, "variables"),
            _string(parameters, "operationName") or None,
            extensions,
            document_id,
        )


def _document_id(parameters: dict[str, Any]) -> str | None:
    """The id that stands in place of a text: that of the specification's appendix, of Apollo and of Relay."""
    ids = (_string(parameters, name) for name in ("documentId", "id", "doc_id"))
    return next((id_ for id_ in ids if id_), None)


def _string(parameters: dict[str, Any], name: str) -> str | None:
    value = parameters.get(name)
    if value is None or isinstance(value, str):
        return value
    raise refusal(Code.BAD_REQUEST, f"The parameter '{name}' must be a string.")


def _object(parameters: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = parameters.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise refusal(Code.BAD_REQUEST, f"The parameter '{name}' must be an object.")
