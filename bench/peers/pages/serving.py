"""What the peers on uvicorn share: where they are, when they end, and the rows that they read."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import uvicorn

from bench.peers.listening import listen

DATABASE = os.environ["TRANSOM_DATABASE_URL"]
VIEWER = os.environ["VIEWER"]
SESSION, MESSAGES = (Path(__file__).with_name(f"{name}.sql").read_text() for name in ("session", "messages"))


def serve(app: Any, server: type[uvicorn.Server] = uvicorn.Server, config: uvicorn.Config | None = None) -> None:
    """Serves an application, says at which port, and ends with the standard input."""
    config = config or uvicorn.Config(app, log_level="warning", access_log=False)

    async def main() -> None:
        listening = listen()
        serving = server(config)
        running = asyncio.create_task(serving.serve(sockets=[listening]))
        print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        serving.should_exit = True
        await running

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(main())
