#!/usr/bin/env bash
# pydantic-ai-slim 2.68.0 (with openai 3.51.0): usage that a provider tells with every chunk is added up.
#
# Behaviour: OpenAI-compatible servers tell usage once, in a last chunk, or with every chunk, each time for the whole
#   reply so far (vLLM's `continuous_usage_stats`, Gemini's compatible endpoint). `OpenAIChatModel` adds all of them, so
#   a reply of 3 tokens to a prompt of 100 in four chunks counts as 400 and 9. One that tells it twice at its end
#   counts double. A model profile or setting has to say that the counts are cumulative.
# Source: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (`stream_options`), and
#   `pydantic_ai/models/openai` of the package.
# Seen: what the last lines of this file compare with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pydantic-ai-slim[openai]==2.68.0' openai==3.51.0
cat > "$folder/try.py" <<'PY'
import asyncio
import json
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

def chunk(text, end, told):
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": end}] if text is not None else []
    usage = None if told is None else {"prompt_tokens": 100, "completion_tokens": told, "total_tokens": 100 + told}
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage}
    return "data: " + json.dumps(whole) + "\n\n"

REPLIES = {
    "once, at the end": [("a", None, None), ("b", None, None), ("c", "stop", None), (None, None, 3)],
    "with every chunk": [("a", None, 1), ("b", None, 2), ("c", "stop", 3), (None, None, 3)],
    "twice, at the end": [("a", None, None), ("b", None, None), ("c", "stop", 3), (None, None, 3)],
}

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
    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=f"http://127.0.0.1:{port}/v1", api_key="none"))
    for name, chunks in REPLIES.items():
        body = "".join(chunk(*each) for each in chunks) + "data: [DONE]\n\n"
        async with model_request_stream(model, [ModelRequest.user_text_prompt("Hi")]) as stream:
            async for _ in stream:
                pass
            usage = stream.usage() if callable(stream.usage) else stream.usage
            print(f"{name}: {usage.input_tokens} in, {usage.output_tokens} out")
    server.close()

asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/try.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
once, at the end: 100 in, 3 out
with every chunk: 400 in, 9 out
twice, at the end: 200 in, 6 out
SEEN
