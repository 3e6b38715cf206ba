"""Which failures pass by themselves."""

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

TRANSIENT_CLASSES = ("08", "40", "53", "57", "58")
"""SQLSTATE classes of lost connections, lost races, exhausted resources, and servers that stop, start or fail."""


def transient(error: BaseException) -> bool:
    """Whether the same transaction may well succeed a little later."""
    if isinstance(error, PoolTimeoutError | OSError | asyncpg.InterfaceError):
        return True
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
    name: str | None = getattr(error.orig.__cause__ if error.orig else None, "constraint_name", None)
    return name
