#!/usr/bin/env bash
# openai (Python) 3.51.0: an event without data, in the middle of a stream, ends the reply with an exception.
#
# Behaviour: the HTML standard says of an event stream that an event whose data is empty is not dispatched. Proxies and
#   gateways use such blocks (an `event:`, `id:` or `retry:` line and an empty line) to keep a connection awake. The
#   package's `AsyncStream` hands each of them to its JSON parser, with nothing in it, and raises. The text that came
#   before is gone with the exception, and what comes after is never read. A comment (`: …`) alone does no harm.
# Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (step 4 of
#   "dispatch the event"), and `openai/_streaming.py` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openai==3.51.0
cat > "$folder/try.py" <<'PY'
import asyncio
import json
from openai import AsyncOpenAI

def chunk(text, end=None):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": end}
    return "data: " + json.dumps({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}) + "\n\n"

BETWEEN = {"nothing": "", "a comment": ": awake\n\n", "an event": "event: ping\n\n", "an id": "id: 7\n\n", "a retry": "retry: 3000\n\n"}

async def main():
    body = ""
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + body.encode())
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = AsyncOpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    for name, block in BETWEEN.items():
        body = chunk("one ") + block + chunk("two", "stop") + "data: [DONE]\n\n"
        text = ""
        try:
            stream = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True)
            async for each in stream:
                text += each.choices[0].delta.content or ""
            print(f"{name}: {text!r}")
        except Exception as error:
            print(f"{name}: {text!r}, then {type(error).__name__}")
    server.close()

asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
nothing: 'one two'
a comment: 'one two'
an event: 'one ', then JSONDecodeError
an id: 'one ', then JSONDecodeError
a retry: 'one ', then JSONDecodeError
SEEN
