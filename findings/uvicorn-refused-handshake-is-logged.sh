#!/usr/bin/env bash
# uvicorn 0.54.0 (websockets 17.4, `websockets-sansio`): a refusal with a body is logged as an error of the application.
#
# Behaviour: an ASGI application may answer a WebSocket's handshake with an HTTP response of its own
#   (`websocket.http.response.start` and `.body`), to say why it refuses. The client gets it whole. When the application
#   returns, the server logs "ASGI callable returned without completing handshake." at the level ERROR, as if it had not.
#   A bare `websocket.close` logs no error.
# Source: https://asgi.readthedocs.io/en/latest/extensions.html#websocket-denial-response, and
#   `uvicorn/protocols/websockets/websockets_sansio_impl.py` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 websockets==17.4 h11==0.16.0
cat > "$folder/try.py" <<'PY'
import asyncio
import logging
import uvicorn

said = []
logging.getLogger("uvicorn.error").addHandler(handler := logging.Handler(logging.ERROR))
handler.emit = lambda record: said.append(record.getMessage())

async def app(scope, receive, send):
    await receive()
    if scope["path"] == "/words":
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"3")]
        await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"no\n"})
    else:
        await send({"type": "websocket.close"})

async def ask(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await asyncio.sleep(0.2)
    return answer.split("\r\n")[0].split(" ", 2)[1], answer.rpartition("\r\n")[2].strip()

async def main():
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="websockets-sansio", lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    for path in ("/bare", "/words"):
        said.clear()
        print(path, *await ask(port, path), said)
    server.should_exit = True
    await serving

asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" 2>/dev/null | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
/bare 403  []
/words 403 no ['ASGI callable returned without completing handshake.']
SEEN
