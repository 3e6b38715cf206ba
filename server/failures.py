"""What clients may know of exceptions: refusals where no type has a place for them, a database that is away, faults."""

import logging
from collections.abc import Sequence

from graphql import GraphQLError

from chat import refusals
from db.failures import transient
from schema.failed import Failed
from transports import Code, Explained, errors

_log = logging.getLogger("transom.app")

_REFUSALS = {
    refusals.InvalidInput: Code.BAD_USER_INPUT,
    refusals.IdTaken: Code.BAD_USER_INPUT,
    refusals.NotFound: Code.NOT_FOUND,
    refusals.NotAllowed: Code.FORBIDDEN,
}


def explained(error: Exception) -> Explained | None:
    """Refusals by a rule, where a field has no result union for them; and a database that is away for a while."""
    if isinstance(error, refusals.QuotaExceeded):
        return Explained(Code.QUOTA_EXCEEDED, str(error), {"limit": error.limit, "used": error.used})
    for kind, code in _REFUSALS.items():
        if isinstance(error, kind):
            return Explained(code, str(error))
    if transient(error):
        _log.warning("An operation failed because the database did not answer: %s", type(error).__name__)
        return Explained(Code.SERVICE_UNAVAILABLE, "The database does not answer just now. Try again shortly.")
    return None


def failed(error: Exception, place: Sequence[str | int]) -> Failed:
    """A failure of one of several things, as it would stand in `errors`."""
    raised = GraphQLError(str(error), path=place, original_error=error)
    (shown,) = errors.shown([error if isinstance(error, GraphQLError) else raised], explained)
    said = shown.extensions or {}
    return Failed(
        reason=shown.message,
        code=said["code"],
        incident=said.get("incident"),
        retriable=said["code"] == Code.SERVICE_UNAVAILABLE,
    )
