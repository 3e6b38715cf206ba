"""Runs migrations over the async engine, on the connection that `db.migrate` passes or on TRANSOM_DATABASE_URL."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from db import connectors
from db.database import address
from db.models import Row


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Row.metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    engine = connectors.engine(address(os.environ["TRANSOM_DATABASE_URL"]))
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


passed = context.config.attributes.get("connection")
if passed is not None:
    run(passed)
else:
    asyncio.run(connect_and_run())
