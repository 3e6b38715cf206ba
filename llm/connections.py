"""Connections to model providers: a transport of httpx that reads an answer in C, straight from the event loop.

An answer comes in thousands of small pieces, one for each token. The transport that httpx brings takes ten times as
long for a piece as it takes to read what it says.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from typing import cast, override
from urllib.request import getproxies

import httpx2

from llm import dialing
from llm.readings import Reading

_log = logging.getLogger("transom.models")

type Origin = tuple[str, str, int]

KEPT = 100
"""Connections that are kept open when nobody uses them."""
EXPIRY = 5.0
"""Seconds that one of them is kept for."""


def direct(*, trust_env: bool) -> "Connections | None":
    """The transport of a client; None where the environment names a proxy, which httpx's own goes through."""
    proxied = trust_env and getproxies().keys() & {"http", "https", "all"}
    return None if proxied else Connections()


class Connections(httpx2.AsyncBaseTransport):
    """HTTP/1.1, with as many connections as there are requests at once."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Reading]] = {}
        self._open: set[Reading] = set()
        self._context: ssl.SSLContext | None = None

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        told = await _told(request)
        timeout: dict[str, float | None] = request.extensions.get("timeout", {})
        url = request.url
        origin = (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
        reading = self._kept(origin) or await self._connect(origin, timeout.get("connect"))
        try:
            await reading.ask(told, timeout.get("read"))
        except BaseException:
            reading.abort()
            raise
        return httpx2.Response(
            reading.status,
            headers=reading.headers,
            stream=_Body(reading, lambda: self._keep(origin, reading)),
            extensions={"http_version": b"HTTP/1.1"},
        )

    @override
    async def aclose(self) -> None:
        for reading in list(self._open):
            reading.abort()

    def _kept(self, origin: Origin) -> Reading | None:
        idle = self._idle.get(origin, [])
        while idle:
            reading = idle.pop()
            if reading.rests():
                return reading
            reading.abort()
        return None

    def _keep(self, origin: Origin, reading: Reading) -> None:
        idle = self._idle.setdefault(origin, [])
        if sum(map(len, self._idle.values())) >= KEPT:
            reading.abort()
            return
        idle.append(reading)

        def give_up() -> None:
            if reading in idle:
                idle.remove(reading)
                reading.abort()

        reading.rest(EXPIRY, give_up)

    async def _connect(self, origin: Origin, patience: float | None) -> Reading:
        scheme, host, port = origin
        if scheme not in ("http", "https"):
            raise httpx2.UnsupportedProtocol(f"There is no transport for {scheme}.")
        context = self._tls() if scheme == "https" else None
        try:
            async with asyncio.timeout(patience):
                _, reading = await asyncio.get_running_loop().create_connection(
                    lambda: Reading(self._open),
                    sock=await dialing.dial(host, port),
                    ssl=context,
                    server_hostname=host if context else None,
                )
        except (OSError, UnicodeError) as error:  # a timeout is one, too
            _log.debug("No connection to %s:%d: %s", host, port, error)
            kind = httpx2.ConnectTimeout if isinstance(error, TimeoutError) else httpx2.ConnectError
            raise kind(str(error)) from error
        return reading

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = httpx2.create_ssl_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reading: Reading, keep: Callable[[], None]) -> None:
        self._reading = reading
        self._keep: Callable[[], None] | None = keep

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = self._reading.read
        while chunk := await read():
            yield chunk

    @override
    async def aclose(self) -> None:
        keep, self._keep = self._keep, None
        if keep is None:
            return
        if self._reading.is_reusable:
            keep()
        else:
            self._reading.abort()


async def _told(request: httpx2.Request) -> bytes:
    """The bytes of a request."""
    head = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    for name, value in request.headers.raw:
        if any(each in b"\r\n\0" for each in name + value):
            raise httpx2.LocalProtocolError(f"The header {name!r} has a line break.")
        head.append(b"%b: %b" % (name, value))
    stream = cast("httpx2.AsyncByteStream", request.stream)
    body = b"".join([chunk async for chunk in stream])
    return b"\r\n".join([*head, b"", body])
