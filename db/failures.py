"""Which failures pass by themselves, and which constraint was hit."""

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db.models import Row

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
    return _constraint(error, "23505")


def absent(error: IntegrityError) -> str | None:
    """The table to which a reference finds no row, or none that the transaction may see; None where it was no such."""
    name = _constraint(error, "23503")
    return None if name is None else _REFERENCES.get(name)


_REFERENCES = {
    f"fk_{table.name}_{key.parent.name}": key.column.table.name
    for table in Row.metadata.tables.values()
    for key in table.foreign_keys
} | {
    "fk_sessions_forked_session_id": "sessions",
    "fk_sessions_forked_message_id": "messages",
    "fk_messages_run_id": "runs",
}
"""What each refers to. The last three are no foreign keys; triggers check them."""


def _constraint(error: IntegrityError, state: str) -> str | None:
    if getattr(error.orig, "sqlstate", None) != state:
        return None
    error_of_driver = error.orig.__cause__ or error.orig if error.orig else None
    name: str | None = getattr(error_of_driver, "constraint_name", None)
    return name
