"""How connections are opened: straight to PostgreSQL, or through a pooler such as PgBouncer.

A connection of one's own keeps what was said once: settings, a role, prepared statements. Behind a pooler each
transaction may run on another connection of the server, which others used before and will use next. There, nothing is
said once for later, and whatever a transaction needs it says itself.
"""

from collections.abc import Mapping
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

SETTINGS = {"application_name": "transom", "timezone": "UTC", "jit": "off"}
"""How every connection is opened."""

_ANOTHERS = "TRPOO"
_CHECK = "DO $$ BEGIN IF NOT ({own}) THEN RAISE SQLSTATE '{state}'; END IF; END $$"


class Shared(asyncpg.Connection):  # type: ignore[misc]  # asyncpg is not typed
    """A connection to a pooler: it has no settings and no role, and keeps no statement."""


def is_shared(connection: object) -> bool:
    """Whether it is `Shared`: to `isinstance`, every connection of asyncpg is of each of its classes."""
    return type(connection) is Shared


class Connector:
    """Opens connections that have these settings, or else are `Shared`."""

    def __init__(self, url: sa.URL, settings: Mapping[str, str], **options: Any) -> None:
        _, given = url.get_dialect()().create_connect_args(url)
        self._options = {**given, **options}
        self._settings = dict(settings)
        self._pooled = False

    async def connect(self) -> asyncpg.Connection:
        """A new connection.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database was not reached, or refused.
        """
        if not self._pooled and (own := await self._own()) is not None:
            return own
        return await asyncpg.connect(
            **self._options,
            connection_class=Shared,
            statement_cache_size=0,
            server_settings={"application_name": self._settings["application_name"]},
        )

    async def _own(self) -> asyncpg.Connection | None:
        """A connection of our own; None where there is a pooler."""
        try:
            connection = await asyncpg.connect(**self._options, server_settings=self._settings)
        except asyncpg.ProtocolViolationError:  # so PgBouncer refuses settings that it does not keep for a client
            self._pooled = True
            return None
        try:
            await connection.execute(self._check(connection))
        except BaseException as error:
            connection.terminate()
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _ANOTHERS:
                self._pooled = True
                return None
            raise
        return connection

    def _check(self, connection: asyncpg.Connection) -> str:
        """Fails on the connection of another process than the one that was greeted, and where settings were dropped."""
        kept = [f"current_setting('{name}') = '{value}'" for name, value in self._settings.items()]
        own = " AND ".join([f"pg_backend_pid() = {connection.get_server_pid()}", *kept])
        return _CHECK.format(own=own, state=_ANOTHERS)


def engine(url: sa.URL, *, timeout: float = 60.0, command_timeout: float | None = None, **pool: Any) -> AsyncEngine:
    """An engine whose connections are opened so."""
    made = create_async_engine(url, **pool)
    connector = Connector(url, SETTINGS, timeout=timeout, command_timeout=command_timeout)

    def connect(dialect: Any, *_: object) -> Any:
        opened: asyncpg.Connection | Exception
        try:
            opened = await_only(connector.connect())
        except Exception as error:
            opened = error

        async def outcome() -> asyncpg.Connection:
            if isinstance(opened, Exception):
                raise opened  # here, where the dialect makes it an error of its own
            return opened

        options = {"prepared_statement_cache_size": 0} if is_shared(opened) else {}
        return dialect.loaded_dbapi.connect(async_creator_fn=outcome, **options)

    event.listen(made.sync_engine, "do_connect", connect)
    return made
