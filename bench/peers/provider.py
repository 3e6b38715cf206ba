"""A model provider on loopback that says numbers at their moments, in OpenAI's dialect; told what to do as peers are.

    expect {sessions, rate, count}   what the replies will be that are asked for from now on; with `start`, they begin
                                     by themselves; with `said`, a number has the moment when it is said, not the one
                                     when it was due
    asked {times}                    returns when so many replies have been asked for; each has its number 0
    begin {start}                    says the numbers from 1 to `count` from this moment on
    over {times}                     returns when so many replies have been written

What is asked for with a limit of tokens, such as a title, gets a few words at once; so does what is no stream. There is
one model, `m`.

It keeps to the core of the load, wherever who starts it is: what a reply costs its reader is what is measured.
"""

import asyncio
import os
from typing import Any

import orjson

from bench.peers import control
from bench.peers.listening import listen

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Provider:
    """Answers every request with a reply."""

    def __init__(self) -> None:
        self.sessions, self.rate, self.count = 1, 1.0, 0
        self.said = False
        self._asked = self._over = 0
        self._start: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._news = asyncio.Condition()

    async def expect(
        self, sessions: int, rate: float, count: int, start: int | None = None, said: bool = False
    ) -> dict[str, Any]:
        """See above."""
        self.sessions, self.rate, self.count, self.said = sessions, rate, count, said
        self._asked = self._over = 0
        self._start = asyncio.get_running_loop().create_future()
        if start is not None:
            self._start.set_result(start)
        return {}

    async def asked(self, times: int) -> dict[str, Any]:
        """See above."""
        async with self._news:
            await self._news.wait_for(lambda: self._asked >= times)
        return {}

    async def begin(self, start: int) -> dict[str, Any]:
        """See above."""
        self._start.set_result(start)
        return {}

    async def over(self, times: int) -> dict[str, Any]:
        """See above."""
        async with self._news:
            await self._news.wait_for(lambda: self._over >= times)
        return {"end": control.now()}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection: an answer for each request."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r")[0] or 0)
                asked = orjson.loads(await reader.readexactly(length)) if length else None
                if asked is None:
                    writer.write(_MODELS)
                elif not asked.get("stream"):
                    writer.write(_WORDS)
                elif "max_tokens" in asked:
                    writer.write(_HEAD + _chunk("A few words") + _END)
                else:
                    await self._reply(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _reply(self, writer: asyncio.StreamWriter) -> None:
        place, self._asked = self._asked, self._asked + 1
        start, rate, count, sessions, said = self._start, self.rate, self.count, self.sessions, self.said
        writer.write(_HEAD + _chunk(control.text(0, control.now() if said else 0)))
        await self._tell()
        gap = 1e6 / rate
        due = await start + gap * place / sessions
        for number in range(1, count + 1):
            await control.until(due)
            if writer.is_closing():
                raise ConnectionResetError
            writer.write(_chunk(control.text(number, control.now() if said else round(due))))
            due += gap
        writer.write(_END)
        await writer.drain()
        self._over += 1
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def _chunk(text: str, end: str | None = None) -> bytes:
    delta = {"content": text} if text else {}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return _framed(b"data: " + orjson.dumps(whole) + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _whole(value: object) -> bytes:
    body = orjson.dumps(value)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


_END = _chunk("", "stop") + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"
_MODELS = _whole({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "bench"}]})
_WORDS = _whole(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "A few words"}, "finish_reason": "stop"},
        ],
    }
)


async def main() -> None:
    """Serves until the standard input ends."""
    os.sched_setaffinity(0, {(os.cpu_count() or 1) - 1})
    provider = Provider()
    listening = listen()
    server = await asyncio.start_server(provider.serve, sock=listening)
    control.say(port=listening.getsockname()[1])
    named: dict[str, control.Command] = {
        "expect": provider.expect,
        "asked": provider.asked,
        "begin": provider.begin,
        "over": provider.over,
    }
    await control.obey(named)
    server.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
