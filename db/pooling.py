"""Lost connections are noticed before they are used."""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

RESTED = 10.0
"""Seconds after which a connection may have been lost on its way without either end knowing."""


def verify(engine: sa.Engine) -> None:
    """Has the engine's pool replace connections that are lost.

    The driver knows when the database has ended one; it costs nothing to look. Only one that has rested is asked,
    which takes three round trips: as many as a short transaction.
    """

    def rest(_connection: Any, record: Any) -> None:
        record.info["since"] = time.monotonic()

    def look(connection: Any, record: Any, _: object) -> None:
        if connection.driver_connection.is_closed():
            raise sa.exc.DisconnectionError
        if time.monotonic() - record.info.get("since", time.monotonic()) > RESTED:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise sa.exc.DisconnectionError from error

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", look)
