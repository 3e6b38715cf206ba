"""The connections, the two ways to open a transaction, and the way to read without one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self, cast
from uuid import UUID

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import connectors, moments, pooling, roles, texts
from db.reader import Reader, Readers

VIEWER_ROLE = roles.VIEWER
"""The PostgreSQL role that serves viewers: row security holds for it."""

LONGEST = 60.0
"""Seconds that any other statement may take."""

CONNECTIONS = 34
"""How many a process may have: most for transactions, some for reads of viewers, a few for reads of its own."""

_BECOME_VIEWER = sa.text(
    f"SELECT set_config('role', '{VIEWER_ROLE}', true), set_config('transom.viewer', :viewer, true),"
    " set_config('transom.client', :client, true), set_config('transom.mutation', :mutation, true)"
)


def address(url: str) -> sa.URL:
    """The SQLAlchemy address of a `postgresql://` URL; its query may have `sslmode`, and a socket folder as `host`.

    Raises:
        ValueError: it is no PostgreSQL URL, or its query has something else.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ValueError(f"Not a database URL: {url!r}. Use postgresql://user:secret@host:5432/name.") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError(f"Transom runs on PostgreSQL; {parsed.drivername!r} is something else.")
    query = dict(parsed.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")  # as the driver calls it
    if unknown := query.keys() - {"host", "port", "ssl"}:
        raise ValueError(
            f"Not understood in a database URL: {', '.join(sorted(unknown))}. It takes host, port and sslmode; "
            "for a certificate set PGSSLROOTCERT."
        )
    return parsed.set(drivername="postgresql+asyncpg", query=query)


class Database:
    """A pool of connections. One operation is one short transaction; a transaction (`tx`) is never shared."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS, patience: float = 20.0) -> None:
        """`patience`: seconds that a read, or an entry of the journal, may take until its connection counts as lost."""
        self.patience = patience
        reading, own = max(1, connections * 10 // 34), max(1, connections * 4 // 34)
        self._engine = connectors.engine(
            address(url),
            timeout=patience,
            command_timeout=LONGEST,
            pool_size=max(1, connections - reading - own),
            max_overflow=0,
            pool_timeout=30,
            json_serializer=texts.json,
            json_deserializer=orjson.loads,
        )
        pooling.verify(self._engine.sync_engine)
        texts.guard(self._engine.sync_engine)
        moments.read_exactly(self._engine.sync_engine)
        self._begin = async_sessionmaker(self._engine, expire_on_commit=False)
        snapshots: Mapping[str, str] = {"isolation_level": "REPEATABLE READ"}
        self._snapshot = async_sessionmaker(self._engine.execution_options(**snapshots), expire_on_commit=False)
        self._readers = Readers(address(url), VIEWER_ROLE, connections=reading, patience=patience)
        self.readers = Readers(address(url), connections=own, patience=patience)
        """What the server itself asks single statements, above row security: shared reads of a scope."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._readers.close()
        await self.readers.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def viewer(
        self, viewer_id: UUID, *, snapshot: bool = False, client: str | None = None, mutation: str | None = None
    ) -> AsyncIterator[AsyncSession]:
        """A transaction in which PostgreSQL shows and changes only what this viewer may see and change.

        With `snapshot`, all its reads see one moment. Rows that it changes are signed with `client` and `mutation`.
        It commits at the end, or rolls back on an error.
        """
        async with (self._snapshot if snapshot else self._begin).begin() as tx:
            settings = {"viewer": str(viewer_id), "client": client or "", "mutation": mutation or ""}
            await tx.execute(_BECOME_VIEWER, settings)
            yield tx

    def reader(self, viewer_id: UUID) -> Reader:
        """What asks single statements, each of which shows only what this viewer may see."""
        return Reader(self._readers, viewer_id)

    @asynccontextmanager
    async def system(self, *, snapshot: bool = False) -> AsyncIterator[AsyncSession]:
        """A transaction of the server itself, above row security: runs, the journal, shared reads of a scope."""
        async with (self._snapshot if snapshot else self._begin).begin() as tx:
            yield tx

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for single statements of the server itself, each of which is a transaction of its own."""
        async with self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            try:
                yield cast("asyncpg.Connection", raw.driver_connection)
            except asyncpg.PostgresError:
                raise
            except BaseException:
                await connection.invalidate()  # it may be lost, or at work still
                raise

    async def ping(self) -> None:
        """Returns when the database has answered.

        Raises:
            OSError, sqlalchemy.exc.DBAPIError: it did not.
        """
        async with self._engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))
