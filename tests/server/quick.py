"""An application within the test's own process, which asks for signs of life more often than others do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from db import migrate
from server.app import Transom
from server.connections import HTTPProtocol
from server.serving import Server
from server.settings import Settings
from server.sockets import WebSocketProtocol


@asynccontextmanager
async def quick(database: str, redis: str, *, beat: float = 0.1, **settings: Any) -> AsyncIterator[str]:
    """Such a server on a free loopback port; its address."""
    await migrate.upgrade(database)
    app = Transom(Settings(database_url=database, redis_url=redis, model_url="scripted:", **settings), beat=beat)
    config = uvicorn.Config(
        app,
        port=0,
        http=HTTPProtocol,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
        proxy_headers=False,
        lifespan="on",
        log_level="warning",
    )
    server = Server(config)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 (uvicorn does not signal it)
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
