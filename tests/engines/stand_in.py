"""In place of a server, a process that has the engines of a folder running until its input ends or it is told to stop.

Prints their addresses as one line of JSON, and `drained` when it has used the database after the signal to stop.
"""

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import asyncpg

from engines import running
from server.settings import Settings


class Stopped(Exception):
    pass


def stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def drain(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT 1")
    await connection.close()


def main() -> None:
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    settings = Settings(data_dir=Path(sys.argv[1]), database_url=None, redis_url=None, model_url=None)
    with running(settings) as urls:
        try:
            say(json.dumps(asdict(urls)))
            sys.stdin.read()
        except Stopped:
            asyncio.run(drain(urls.database))
            say("drained")


if __name__ == "__main__":
    main()
