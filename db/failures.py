"""Which failures pass by themselves."""

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

TRANSIENT_CLASSES = ("08", "40", "53", "57", "58")
"""SQLSTATE classes of lost connections, lost races, exhausted resources, and servers that stop, start or fail."""


def transient(error: BaseException) -> bool:
    """Whether the same transaction may well succeed a little later."""
    if isinstance(error, PoolTimeoutError | OSError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return True  # the last is what the driver says when it has been told of the end, and has not seen it yet
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error, InterfaceError):
            return True
        return _transient_state(error.orig)
    return _transient_state(error)


def _transient_state(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and state[:2] in TRANSIENT_CLASSES


def duplicate(error: IntegrityError) -> str | None:
    """The name of the unique constraint or index that was hit; None where it was no such thing."""
    if getattr(error.orig, "sqlstate", None) != "23505":
        return None
    error_of_driver = error.orig.__cause__ or error.orig if error.orig else None
    name: str | None = getattr(error_of_driver, "constraint_name", None)
    return name
